#!/usr/bin/env python3
"""flaky_http.py PORT URL: hands requests on to URL, but closes them unanswered for the last second of each
four from the first one on."""
import http.server
import sys
import time
import urllib.request


start = None
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Flaky(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        global start
        start = start or time.monotonic()
        if (time.monotonic() - start) % 4 >= 3:
            return  # HTTP/1.0: the connection is closed
        with opener.open(sys.argv[2] + self.path) as answer:
            body = answer.read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Flaky).serve_forever()
