"""Runs in the client host: RATE requests a second for SECONDS, each due at its time whatever became
of the others. Prints "begun", and at the end one JSON line a request (pair.Outcome)."""
import concurrent.futures
import http.client
import json
import re
import socket
import sys
import time
import urllib.parse

rate, seconds, timeout = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[4])
url = urllib.parse.urlsplit(sys.argv[3])


def request(due: float) -> dict:
    time.sleep(max(0.0, due - time.monotonic()))
    begun, server = time.monotonic(), ""
    connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=timeout)
    try:
        connection.request("GET", url.path or "/")
        response = connection.getresponse()
        page = response.read()
        result = str(response.status)
        found = re.search(rb"<h1>(.*?)</h1>", page)
        server = found.group(1).decode() if found else ""
    except ConnectionRefusedError:
        result = "refused"
    except (socket.timeout, TimeoutError):
        result = "timeout"
    except ConnectionResetError:
        result = "reset"
    except (OSError, http.client.HTTPException) as error:
        result = type(error).__name__
    finally:
        connection.close()
    return {"begun": begun, "ended": time.monotonic(), "result": result, "server": server}


count = int(rate * seconds)
# Enough threads that requests which wait for their time-out do not hold the next ones up.
with concurrent.futures.ThreadPoolExecutor(min(count, int(rate * (timeout + 1)))) as pool:
    start = time.monotonic() + 0.05
    print("begun", flush=True)
    for outcome in [pool.submit(request, start + number / rate) for number in range(count)]:
        print(json.dumps(outcome.result()))
