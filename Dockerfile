# syntax=docker/dockerfile:1
# The lab in a container, hosted mode on.
#   docker build --build-arg TORCH_INDEX=ADDRESS -t lab .   for a processor: ADDRESS of torch's builds without CUDA
#   docker build --build-arg VARIANT=cuda -t lab:cuda .     for an NVIDIA GPU; run it with --gpus all
# Read docs/hosting.md before anybody else can reach it.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS installed
ARG VARIANT=cpu
# torch and torchvision have to be of one build, from one place. The usual index has them with CUDA, 5 GB that also run
# without a GPU; PyTorch's page on installing names the index of those without.
ARG TORCH_INDEX=
RUN case "$VARIANT:$TORCH_INDEX" in \
        cpu:) echo "Give --build-arg TORCH_INDEX=ADDRESS, the index that PyTorch's page on installing names for CPU, or" \
                   "--build-arg VARIANT=cuda for the larger builds with CUDA, which run on a processor as well." >&2; \
              exit 1 ;; \
        cpu:*|cuda:*) ;; \
        *) echo "VARIANT is cpu or cuda, not $VARIANT" >&2; exit 1 ;; \
    esac
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt /tmp/requirements.txt
RUN case "$VARIANT" in \
        cpu) grep -E '^torch(vision)?[>=]' /tmp/requirements.txt > /tmp/torch.txt \
             && pip install --index-url "$TORCH_INDEX" -r /tmp/torch.txt ;; \
    esac \
    && pip install -r /tmp/requirements.txt

FROM python:${PYTHON}-slim-bookworm
# tini reaps what training processes leave behind and hands signals on.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home lab \
    && install -d -o lab -g lab /data
COPY --from=installed /opt/venv /opt/venv
COPY --chown=root:root .streamlit /lab/.streamlit
COPY --chown=root:root pages /lab/pages
COPY --chown=root:root ui /lab/ui
COPY --chown=root:root tlcore /lab/tlcore
# Limits for a small server; they count where TLCORE_HOSTED_CONFIG names them. Else those beside the store do.
COPY --chown=root:root deploy/hosted.toml /lab/deploy/hosted.toml
COPY --chown=root:root app.py requirements.txt LICENSE README.md /lab/
WORKDIR /lab
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TLCORE_HOSTED=1 \
    TLCORE_LOG=json \
    TLCORE_STORE=/data/store \
    TLCORE_DATA=/data/sets \
    TORCH_HOME=/data/torch
USER 1000
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
