"""Who does the work: a supervisor process that forks each run from a fork server with torch already imported.

    page, notebook or terminal ── LocalExecutor ──→ store ←── supervisor ──→ fork server ──→ one process a run
                                                                        └──→ projector

Everything but the pipes to the fork server goes through the store, so each of them can die and be started again.
Only the processes on the right import torch.
"""
