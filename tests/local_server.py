"""A web server on this machine that can resume, break off and change its mind."""

import contextlib
import http.server
import threading


class Server:
    """Serves `files`, bytes by path, and notes the requests it gets."""

    def __init__(self):
        self.files, self.asked = {}, []
        self.etag = '"one"'  # None for a server that names no version
        self.break_after = []  # bytes of the next answers, before they end
        self.resumes = True
        self.redirects = {}

    def address(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"


def _handler(server):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name, asked = self.path.lstrip("/"), self.headers.get("Range")
            server.asked.append((name, asked))
            if name in server.redirects:
                self.send_response(302)
                self.send_header("Location", server.redirects[name])
                self.end_headers()
                return
            if name not in server.files:
                self.send_error(404)
                return
            data, start = server.files[name], 0
            same = self.headers.get("If-Range") in (None, server.etag)
            if asked and server.resumes and same:
                start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(data) > 0:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                whole = len(data)
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            if server.etag:
                self.send_header("ETag", server.etag)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            part = data[start:]
            if server.break_after:
                part = part[: server.break_after.pop(0)]
            self.wfile.write(part)

        def log_message(self, *args):
            pass

    return Handler


@contextlib.contextmanager
def serving():
    """Run a server for the block."""
    server = Server()
    inner = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.port = inner.server_address[1]
    thread = threading.Thread(target=inner.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        inner.shutdown()
        inner.server_close()
        thread.join()
