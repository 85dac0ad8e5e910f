"""A wire between a browser and the lab that can be cut, as Wi-Fi is: what is open breaks, what is new is refused."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading

CHUNK = 65536


class Wire:
    """Hands everything that comes to a port of its own on to another port of this machine, while it is whole."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._whole = True
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break everything that is open, and refuse what comes."""
        with self._lock:
            self._whole = False
            broken = list(self._open)
            self._open.clear()
        for one in broken:
            _end(one)

    def mend(self) -> None:
        """Let everything through again."""
        with self._lock:
            self._whole = True

    def close(self) -> None:
        """Take the wire away."""
        self.cut()
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self.target), timeout=10)
        except OSError:
            _end(near)
            return
        far.settimeout(None)
        with self._lock:
            if self._whole:
                self._open |= {near, far}
                carried = True
            else:
                carried = False
        if carried:
            with contextlib.suppress(OSError, ValueError):
                _copy(near, far)
        with self._lock:
            self._open -= {near, far}
        _end(near)
        _end(far)


def _copy(near: socket.socket, far: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(near, selectors.EVENT_READ, far)
        selector.register(far, selectors.EVENT_READ, near)
        while True:
            for key, _ in selector.select():
                content = key.fileobj.recv(CHUNK)  # type: ignore[union-attr]
                if not content:
                    return
                key.data.sendall(content)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
