"""Drives the page that `synod draw` makes in a real browser. See README.md beside this file."""

import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

try:
    import websocket
except ImportError:
    sys.exit(print("skipped: the Python package websocket-client is not installed") or 0)

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
NASTY = ["<script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "]]>", "\"'", "a;b#c",
         "</script><script>window.pwned=1</script>", "%%{init}", "end", "&lt;", "\u202e\u0000\u001b[31m"]
failures = []


def check(what, holds, more=""):
    print(("ok      " if holds else "FAILED  ") + what + (f": {more}" if more and not holds else ""))
    if not holds:
        failures.append(what)


class Browser:
    """One headless Chromium with one tab."""

    def __init__(self, folder, flags):
        profile = folder / "profile"
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--remote-debugging-port=0", *flags, "--remote-allow-origins=*", f"--user-data-dir={profile}",
             "about:blank"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        port_file, deadline = profile / "DevToolsActivePort", time.monotonic() + 30
        while not (port_file.exists() and port_file.read_text().count("\n")):
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit("chromium does not start")
            time.sleep(0.05)
        port = port_file.read_text().split()[0]
        tabs = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json"))
        tab = next(tab for tab in tabs if tab["type"] == "page")
        self.socket = websocket.create_connection(tab["webSocketDebuggerUrl"], timeout=30)
        self.last, self.events = 0, []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, path, width=1500, height=900, dark=False):
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + 20
        while self.js("document.readyState + location.href") != "complete" + path.as_uri():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{path} does not load")
            time.sleep(0.02)

    def js(self, code):
        result = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def key(self, name):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name)

    def mouse(self, x, y, click=False):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased") if click else ():
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click(self, selector):
        x, y = self.js(f"(r => [r.x + r.width / 2, r.y + r.height / 2])"
                       f"(document.querySelector({selector!r}).getBoundingClientRect())")
        self.mouse(x, y, click=True)

    def shot(self, path):
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=False)["data"]
        path.write_bytes(base64.b64decode(picture))

    def close(self):
        self.process.terminate()
        self.process.wait(20)


COUNT = "document.querySelectorAll({0!r}).length"
# Pairs of labels that cover each other by more than a hair.
OVERLAPS = """(() => {
  const boxes = [...document.querySelectorAll('.s text, .head ~ text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  const out = [];
  boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
    const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (x > 1 && y > 3) out.push(a + ' / ' + b);
  }));
  return out; })()"""
# Labels that leave the picture, and labels wider than the ground drawn behind them.
OUTSIDE = """[...document.querySelectorAll('.s text')].filter(t => { const b = t.getBBox();
  return b.x < 0 || b.x + b.width > t.ownerSVGElement.width.baseVal.value; }).map(t => t.textContent)"""
VEILS = """[...document.querySelectorAll('.veil + text')].filter(t => { const b = t.getBBox();
  const r = t.previousElementSibling.getBBox(); return b.width > r.width + 3; }).map(t => t.textContent)"""


def contrast(browser):
    """The least contrast of any text with the page's ground."""
    return browser.js("""(() => {
      const rgb = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
      const light = c => { const [r, g, b] = rgb(c).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b; };
      const ground = light(getComputedStyle(document.body).backgroundColor);
      let least = 99, worst = '';
      for (const t of document.querySelectorAll('svg text, h1, p, button')) {
        const s = getComputedStyle(t); const c = t.tagName === 'text' ? s.fill : s.color;
        const [a, b] = [light(c), ground].sort((x, y) => y - x);
        const ratio = (a + .05) / (b + .05);
        if (ratio < least) { least = ratio; worst = t.textContent; }
      }
      return [least, worst]; })()""")


def looks(browser, pages, shots):
    for name, page in pages.items():
        for dark in (False, True):
            tone = "dark" if dark else "light"
            browser.open(page, dark=dark)
            least, worst = contrast(browser)
            check(f"{name}, {tone}: every text has a contrast of 4.5", least >= 4.5, f"{least:.2f} {worst}")
            if shots:
                browser.shot(shots / f"{name}-{tone}.png")
        check(f"{name}: no label covers another", (found := browser.js(OVERLAPS)) == [], found[:5])
        check(f"{name}: no label leaves the picture", (found := browser.js(OUTSIDE)) == [], found[:5])
        check(f"{name}: every label has its ground", (found := browser.js(VEILS)) == [], found[:5])
        check(f"{name}: there are arrows and steps", browser.js(COUNT.format(".a")) > 9)


def steps(browser, page):
    browser.open(page)
    total = browser.js(COUNT.format(".s"))
    later = lambda: browser.js(COUNT.format(".s.later"))
    check("at first everything is shown", later() == 0 and browser.js(COUNT.format(".a.later")) == 0)
    browser.key("ArrowRight")
    check("the right arrow shows the first step only", later() == total - 1, later())
    for _ in range(3):
        browser.key("ArrowDown")
    check("three more arrows show three more", later() == total - 4, later())
    check("the place is said", browser.js("document.getElementById('place').textContent") == f"step 4 of {total}")
    check("messages under way are marked", browser.js(COUNT.format(".a.flight")) > 0)
    said = browser.js("document.getElementById('details').textContent")
    check("the line of the log is shown whole", '"peer_id"' in said and '"time_us"' in said, said)
    browser.key("ArrowLeft")
    check("the left arrow steps back", later() == total - 3, later())
    browser.key("End")
    check("End goes to the last step", later() == 0 and f"step {total} " in browser.js("document.getElementById('place').textContent"))
    x, y, w, h = browser.js("(r => [r.x, r.y, innerWidth, innerHeight])(document.getElementById('now').getBoundingClientRect())")
    check("the step is scrolled into sight", 0 < x < w and 0 < y < h - 100, (x, y))
    browser.key("Home")
    check("Home goes to the first", later() == total - 1)
    browser.key("Escape")
    check("Escape shows the whole run", later() == 0)
    browser.click("#next")
    check("the button steps too", later() == total - 1)
    browser.click("#whole")
    check("and the other shows all", later() == 0)


def filters(browser, page):
    browser.open(page)
    arrows = browser.js(COUNT.format(".a"))
    shown = lambda: browser.js(COUNT.format(".a:not(.off)"))
    browser.click(".peer[data-p='1']")
    right = browser.js(COUNT.format(".a[data-f='1'], .a[data-t='1']"))
    check("a peer's button leaves its messages", 0 < shown() == right < arrows, (shown(), right))
    strays = browser.js("[...document.querySelectorAll('.a:not(.off)')].filter(a => a.dataset.f !== '1' && a.dataset.t !== '1').length")
    check("and no others", strays == 0)
    check("the button looks pressed", browser.js("document.querySelector(\".peer[data-p='1']\").ariaPressed") == "true")
    browser.click(".number[data-n='0']")
    right = browser.js(COUNT.format(".a[data-f='1'][data-n='0'], .a[data-t='1'][data-n='0']"))
    check("with a number's button only those about it", 0 < shown() == right, (shown(), right))
    browser.key("ArrowRight")
    before = browser.js("document.getElementById('place').textContent")
    for _ in range(200):
        browser.key("ArrowRight")
    after = browser.js("document.getElementById('place').textContent")
    faint = browser.js("document.querySelectorAll('.s')[Number(document.getElementById('place').textContent.split(' ')[1]) - 1].classList.contains('off')")
    check("steps go on among what is left", before != after and not faint, (before, after))
    browser.click(".number[data-n='0']")
    browser.click(".peer[data-p='1']")
    check("both pressed again show everything", shown() == arrows)


def reading(browser, page):
    browser.open(page)
    spot = browser.js("""(() => { for (const l of document.querySelectorAll('.a .hit')) { const b = l.getBoundingClientRect();
      for (const f of [.3, .4, .5, .6, .7]) { const x = b.x + b.width * f;
        const m = l.getScreenCTM(), p = l.getPointAtLength(l.getTotalLength() * f).matrixTransform(m);
        if (document.elementFromPoint(p.x, p.y) === l) return [p.x, p.y, l.parentNode.dataset.a]; } } })()""")
    browser.mouse(spot[0], spot[1])
    tip = browser.js("(t => [t.hidden, t.textContent])(document.getElementById('tip'))")
    check("pointing at an arrow shows its message whole", not tip[0] and '"message_type"' in tip[1] and "→" in tip[1], tip)
    browser.mouse(spot[0], spot[1], click=True)
    check("a tap keeps it below", '"message_type"' in browser.js("document.getElementById('details').textContent"))
    browser.mouse(3, 3)
    check("pointing elsewhere hides it", browser.js("document.getElementById('tip').hidden"))


def hostile(browser, synod, folder):
    for number, nasty in enumerate(NASTY):
        text = json.dumps(nasty)
        line = lambda at, action, **more: json.dumps({"peer_id": 1, "action": action, "at": at, **more}) + "\n"
        what = {"message_type": "prepare", "message_value": nasty, "proposal_num": 5, "to": 2}
        log = folder / f"nasty{number}.jsonl"
        log.write_text(line(1, "sent", **what) + line(2, "received", **what) + line(1, "noted", note=nasty)
                       + line(1, "chose", message_type="chose", message_value=nasty, proposal_num=5))
        page = draw(synod, folder, log, "html")
        browser.open(page)
        browser.key("End")
        browser.key("ArrowLeft")
        browser.click(".s")
        clean = browser.js("window.pwned === undefined && document.scripts.length === 2 && !document.querySelector('img')")
        loud = [e for e in browser.events if e["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")]
        far = [e for e in browser.events if e["method"] == "Network.requestWillBeSent"
               and not e["params"]["request"]["url"].startswith("file:")]
        check(f"page: {text} stays text", clean and not loud and not far, loud or far)
        picture = draw(synod, folder, log, "svg")
        browser.open(picture)
        fine = browser.js("document.documentElement.tagName === 'svg' && !document.querySelector('parsererror') "
                          "&& document.scripts === undefined || document.querySelectorAll('script, img').length === 0 "
                          "&& !document.querySelector('parsererror')")
        check(f"svg: {text} stays text", fine and browser.js("window.pwned === undefined"))


def mermaid(browser, synod, folder, script, logs):
    page = folder / "mermaid.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body><div id=out></div><script type=module>"
                    f"import * as m from {json.dumps(script.as_uri())}; window.mermaid ??= m.mermaid ?? m.default</script>")
    for log in logs + sorted(folder.glob("nasty*.jsonl")):
        source = draw(synod, folder, log, "mmd").read_text()
        browser.open(page)
        try:
            text = browser.js("mermaid.initialize({startOnLoad: false}); mermaid.render('m', %s).then(r => { "
                              "document.getElementById('out').innerHTML = r.svg; return document.getElementById('out').textContent })"
                              % json.dumps(source))
            check(f"Mermaid draws {log.name}", "peer1" in text and "Syntax error" not in text)
            nasty = NASTY[int(log.stem[5:])] if log.stem.startswith("nasty") else "5"
            whole = nasty.isprintable() and nasty != "&lt;"
            check(f"Mermaid shows the value of {log.name}", not whole or nasty[:24] in text, text[-300:])
        except RuntimeError as error:
            check(f"Mermaid draws {log.name}", False, str(error)[:600])


def draw(synod, folder, log, form, *flags):
    out = folder / f"{log.stem}.{form}"
    subprocess.run([synod, "draw", str(log), "-o", str(out), *flags], check=True)
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("synod", nargs="?", default=str(ROOT / "target/debug/synod"))
    parser.add_argument("--shots", type=pathlib.Path)
    parser.add_argument("--mermaid", type=pathlib.Path)
    args = parser.parse_args()
    if not CHROMIUM:
        return print("skipped: there is no chromium")
    if not os.access(args.synod, os.X_OK):
        return print(f"skipped: there is no {args.synod}; build it first")
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = pathlib.Path(folder)
        logs = [ROOT / "tests/draw" / f"{name}.jsonl" for name in ("duel", "broken", "crash", "latecomer", "printed", "nine")]
        pages = {log.stem: draw(args.synod, folder, log, "html", "--all" if log.stem == "nine" else "--width=80") for log in logs}
        # Modules are not read from files without this.
        browser = Browser(folder, ["--allow-file-access-from-files"] if args.mermaid else [])
        try:
            looks(browser, pages, args.shots)
            steps(browser, pages["duel"])
            filters(browser, pages["duel"])
            reading(browser, pages["duel"])
            hostile(browser, args.synod, folder)
            if args.mermaid:
                mermaid(browser, args.synod, folder, args.mermaid.resolve(), logs)
        finally:
            browser.close()
    print(f"{len(failures)} failed" if failures else "all well")
    return 1 if failures else 0


sys.exit(main())
