"""Links that show runs to whoever has them, and to nobody else."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tlcore.errors import InvalidRequest
from tlcore.runs.database import Database

TOKEN_BYTES = 24  # 192 bits of chance: nobody finds a link by trying
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
MOST_RUNS_SHARED = 60
MOST_SHARES = 200
MOST_OPENINGS = 1000


@dataclass(frozen=True)
class Share:
    """One link: its secret, the runs it shows, and when it was made, in seconds since 1970."""

    token: str
    runs: tuple[str, ...]
    created: float


class Sharing:
    """The links of one visitor, and those that this visitor has followed."""

    database: Database
    visitor: str

    def share(self, run_ids: Sequence[str]) -> str:
        """Make a link to runs and return its secret; the same runs keep the link they have.

        Raises:
            InvalidRequest: one of them is not this visitor's own, or there are too many.
        """
        wanted = sorted(set(run_ids))
        if not 1 <= len(wanted) <= MOST_RUNS_SHARED:
            raise InvalidRequest(f"A link shows 1 to {MOST_RUNS_SHARED} runs, not {len(wanted)}.")
        for run_id in wanted:
            if not self.owns(run_id):
                raise InvalidRequest("Only runs of your own can be shared.")
        shares = self.shares()
        for share in shares:
            if list(share.runs) == wanted:
                return share.token
        if len(shares) >= MOST_SHARES:
            raise InvalidRequest(f"You have {MOST_SHARES} links already: take some back first.")
        token, now = secrets.token_urlsafe(TOKEN_BYTES), time.time()
        with self.database.transaction() as connection:
            rows = [(token, run_id, self.visitor, now) for run_id in wanted]
            connection.executemany("INSERT INTO shares (token, run, visitor, created) VALUES (?, ?, ?, ?)", rows)
        return token

    def owns(self, run_id: str) -> bool:
        """Whether this visitor asked for the run, and has not deleted it."""
        raise NotImplementedError

    def shares(self) -> list[Share]:
        """The links this visitor has made, the newest first."""
        query = "SELECT token, run, created FROM shares WHERE visitor = ? ORDER BY created DESC, token, run"
        found: dict[str, Share] = {}
        for row in self.database.rows(query, self.visitor):
            before = found[row["token"]].runs if row["token"] in found else ()
            found[row["token"]] = Share(row["token"], (*before, row["run"]), row["created"])
        return list(found.values())

    def unshare(self, token: str) -> bool:
        """Take a link of one's own back: whoever followed it no longer sees its runs. Returns whether it was there."""
        with self.database.transaction() as connection:
            statement = "DELETE FROM shares WHERE token = ? AND visitor = ?"
            gone = connection.execute(statement, (token, self.visitor)).rowcount > 0
            if gone:
                connection.execute("DELETE FROM openings WHERE token = ?", (token,))
        return gone

    def open_share(self, token: str) -> list[str]:
        """Follow a link: from now on this visitor sees its runs, which are returned; none where there is no such link.

        Raises:
            InvalidRequest: this visitor follows too many links.
        """
        if not TOKEN.fullmatch(token):
            return []
        runs = [row["run"] for row in self.database.rows("SELECT run FROM shares WHERE token = ? ORDER BY run", token)]
        if not runs:
            return []
        with self.database.transaction() as connection:
            query = "SELECT count(*) FROM openings WHERE visitor = ? AND token != ?"
            if connection.execute(query, (self.visitor, token)).fetchone()[0] >= MOST_OPENINGS:
                raise InvalidRequest(f"You follow {MOST_OPENINGS:,} links already.")
            statement = "INSERT OR IGNORE INTO openings (visitor, token, opened) VALUES (?, ?, ?)"
            connection.execute(statement, (self.visitor, token, time.time()))
        return runs
