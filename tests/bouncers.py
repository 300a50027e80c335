"""A private PgBouncer before a private PostgreSQL, for tests of what a pooler does to a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from servers import HOST, USER, PostgreSQL, find_program

#: As few server connections as can be, each in its turn: whatever relies on a session breaks.
TRANSACTION_POOLING = {
    "pool_mode": "transaction",
    "default_pool_size": 2,
    "server_round_robin": 1,
}


class PgBouncer(PostgreSQL):
    """PgBouncer in transaction pooling mode; `url` names a database through it.

    Settings are those of pgbouncer.ini, as in `PgBouncer(server, default_pool_size=1)`.
    """

    def __init__(self, behind: PostgreSQL, **settings: object) -> None:
        self.behind = behind
        self.settings = {**TRANSACTION_POOLING, **settings}
        super().__init__()

    def pooled(self, url: str) -> str:
        """Return the URL of a database of the server behind, through this pooler."""
        return url.replace(f":{self.behind.port}/", f":{self.port}/")

    # -- how

    def _initialise(self) -> None:
        self.password = self.behind.password
        users = {USER: self.password, "root": self.behind.root_password}
        lines = [f'"{name}" "{password}"\n' for name, password in users.items()]
        self._write("users", "".join(lines))

    def _start_on_a_free_port(self) -> None:
        settings = {
            "listen_addr": HOST,
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": self.folder / "users",
            "max_client_conn": 200,
            **self.settings,
        }
        listed = "".join(f"{name} = {value}\n" for name, value in settings.items())
        server = f"* = host={HOST} port={self.behind.port}\n"
        self._write("pgbouncer.ini", f"[databases]\n{server}[pgbouncer]\n{listed}")
        self._start()

    def _write(self, name: str, text: str) -> None:
        path = Path(self.folder / name)
        path.write_text(text)
        path.chmod(0o600)
        for owned in (self.folder, path):
            self._hand_over(owned)

    def _command(self) -> list[str]:
        return [find_program("pgbouncer"), str(self.folder / "pgbouncer.ini")]

    def _connect(self, database: str = "postgres") -> Any:
        return psycopg.connect(
            host=HOST, port=self.port, user=USER, dbname=database, autocommit=True
        )
