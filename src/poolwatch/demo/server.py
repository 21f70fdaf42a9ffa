"""The HTTP server: a thread for each connection, and faults carried out on the socket itself."""

import socket
import socketserver
import struct
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

from poolwatch.demo.control import NO_FAULT, PREFIX, Control, Fault
from poolwatch.demo.service import Reply, Request, Service

_BODY_LIMIT = 8 * 1024 * 1024
_NO_LINGER = struct.pack("ii", 1, 0)


class Server(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1 from the first; `lock` is held wherever the pool is read or changed."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1_024

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Conversation)
        self.lock = threading.Lock()
        self.root = f"http://127.0.0.1:{self.server_address[1]}"
        self.service: Service
        self.control: Control | None

    def start(self, service: Service, control: Control | None) -> None:
        """Serve a pool; without a control every `/_demo/` path is an unknown one."""
        self.service, self.control = service, control
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close a connection without the orderly end that would come before a reset."""
        self.close_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # only shown

    def fault_for(self, request: Request) -> Fault:
        """Count a request and say what was ordered for it."""
        target = self.service.target(request)
        if target is None:
            return NO_FAULT
        endpoint, account = target
        self.service.count(request, endpoint, account)
        if self.control is None:
            return NO_FAULT
        return self.control.faults.take(endpoint, "" if account is None else account.label)


class _Conversation(BaseHTTPRequestHandler):
    """One connection; an idle one ends after `timeout` seconds."""

    server: Server
    protocol_version = default_request_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.service.totals.connections += 1

    def log_message(self, *_: object) -> None:
        """Keep stderr quiet."""

    def do_GET(self) -> None:
        request = self._request()
        if request is None:
            return
        server = self.server
        if server.control is not None and request.path.startswith(PREFIX):
            with server.lock:
                reply = server.control.answer(request)
            self._send(reply)
            return
        with server.lock:
            fault = server.fault_for(request)
        time.sleep(fault.delay_seconds)
        if fault.reset:
            self._cut()
        elif fault.hang:
            self.close_connection = True
            self.connection.settimeout(None)
            while self.connection.recv(4_096):
                pass
        elif fault.garbage:
            self.close_connection = True
            self.wfile.write(b"\x00\x16\x03\x01 this is no HTTP\xff\xfe\r\n\r\n")
        else:
            with server.lock:
                reply = fault.reply or server.service.answer(request)
            if fault.drop_after_commit or reply.is_lost:
                self._cut()
            else:
                time.sleep(reply.delay_seconds)
                self._send(reply, fault)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815  # the base class asks for them

    def _request(self) -> Request | None:
        """The request with its body; None when there is nobody or nothing to answer any more."""
        length = self.headers.get("content-length", "0")
        if self.headers.defects or not length.isdecimal():
            self.send_error(400)
        elif "transfer-encoding" in self.headers:
            self.send_error(411)
        elif int(length) > _BODY_LIMIT:
            self.send_error(413)
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                headers = {name.lower(): value for name, value in self.headers.items()}
                path, _, query = self.path.partition("?")
                return Request(self.command, path, headers, body, query)
        self.close_connection = True
        return None

    def _send(self, reply: Reply, fault: Fault = NO_FAULT) -> None:
        """Send a reply with what a fault changes about it; its headers win over the usual ones."""
        self.close_connection = self.close_connection or fault.truncate_at is not None
        headers = {
            "date": formatdate(self.server.service.clock(), usegmt=True),
            "server": "poolwatch-demo",
            "content-length": str(len(reply.body)),
            "connection": "close" if self.close_connection else "keep-alive",
        }
        headers |= {**reply.headers} | {name.lower(): value for name, value in fault.headers.items()}
        self.send_response_only(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if fault.drip_seconds:
            for at in range(len(reply.body)):
                time.sleep(fault.drip_seconds)
                self.wfile.write(reply.body[at : at + 1])
        else:
            self.wfile.write(reply.body[: fault.truncate_at])

    def _cut(self) -> None:
        """End a connection by RST: the client sees a reset, not an end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
