"""Runs a sandbox: in this process until told to stop, or beside other work in threads."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from types import FrameType
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from qunclub.kernel.clock import Clock, utcnow

from .app import Sandbox, create_sandbox

log = logging.getLogger(__name__)


class _Handler(WSGIRequestHandler):
    """Leaves the log to the app."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing for each request."""


class RunningSandbox:
    """A sandbox that is being served; stop it when done."""

    def __init__(self, app: Flask, server: BaseWSGIServer) -> None:
        self.app = app
        self._server = server
        if isinstance(server, ThreadingMixIn):
            server.daemon_threads = False  # closing waits for the answers that are under way
        self.sandbox: Sandbox = app.extensions["sandbox"]
        self.url = f"http://{server.host}:{server.server_port}"

    def run(self) -> None:
        """Serve until :meth:`stop` is called from elsewhere, then tidy up."""
        try:
            self._server.serve_forever(poll_interval=0.05)
        finally:
            self._server.server_close()
            self.sandbox.close()

    def stop(self) -> None:
        """End :meth:`run` in the other thread and wait until it no longer takes requests."""
        self._server.shutdown()


def serve(
    *,
    state_path: str | Path,
    api_key: str,
    webhook_url: str,
    webhook_secret: str,
    host: str = "127.0.0.1",
    port: int = 0,
    public_url: str = "",
    clock: Clock = utcnow,
    **more: Any,
) -> RunningSandbox:
    """A sandbox with its port bound (0: any free one); call ``run()`` on it. Every request has a thread of its own.

    The other arguments are those of :func:`~qunclub.sandbox.app.create_sandbox`.
    """
    app = create_sandbox(
        state_path=state_path,
        api_key=api_key,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        clock=clock,
        public_url=public_url,
        **more,
    )
    try:
        server = make_server(host, port, app, threaded=True, request_handler=_Handler)
    except BaseException:
        app.extensions["sandbox"].close()
        raise
    return RunningSandbox(app, server)


def run_sandbox(
    *,
    state_path: str | Path,
    api_key: str,
    webhook_url: str,
    webhook_secret: str,
    host: str = "127.0.0.1",
    port: int = 4242,
    public_url: str = "",
    clock: Clock = utcnow,
) -> None:
    """Serve until SIGTERM or SIGINT; call it in the main thread. The arguments are those of :func:`serve`."""
    running = serve(
        state_path=state_path,
        api_key=api_key,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        host=host,
        port=port,
        public_url=public_url,
        clock=clock,
    )

    def leave(number: int, frame: FrameType | None) -> None:
        # In a thread: shutting down waits for the loop that this handler interrupts.
        threading.Thread(target=running.stop, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    log.info("pay sandbox at %s, webhooks to %s", public_url or running.url, webhook_url or "nowhere")
    running.run()
