"""Drives the page that `synod draw` makes in a real browser. See README.md beside this file."""

import argparse
import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The version of the package mdbook-mermaid whose script draws.
MERMAID = "0.17.1"
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
NASTY = ["<script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "]]>", "\"'", "a;b#c",
         "</script><script>window.pwned=1</script>", "%%{init}", "end", "&lt;", "\u202e\u0000\u001b[31m"]
passed, failures = 0, []


def check(what, holds, more=""):
    global passed
    if holds:
        passed += 1
    else:
        failures.append(what)
        print(f"FAILED  {what}: {more}")


class Browser:
    """One headless Chromium with one tab, spoken to over a pipe."""

    def __init__(self, folder):
        # Away from the numbers that the browser wants: it reads 3 and writes 4.
        high = lambda end: fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20)
        (its_in, self.out), (self.inp, its_out) = ([high(end) for end in os.pipe()] for _ in range(2))
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
             "--remote-debugging-pipe", "--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}",
             "about:blank"],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, pass_fds=(3, 4),
            preexec_fn=lambda: (os.dup2(its_in, 3), os.dup2(its_out, 4)))
        os.close(its_in), os.close(its_out)
        self.last, self.events, self.session, self.bytes = 0, [], None, b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        self.last += 1
        request = {"id": self.last, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.out, json.dumps(request).encode() + b"\0")
        while True:
            while b"\0" not in self.bytes:
                if not select.select([self.inp], [], [], 30)[0] or not (more := os.read(self.inp, 1 << 20)):
                    raise RuntimeError(f"{method}: the browser does not answer")
                self.bytes += more
            message, self.bytes = self.bytes.split(b"\0", 1)
            answer = json.loads(message)
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, path, width=1500, height=900, dark=False, at=""):
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", features=[scheme, still])
        # Another address of the page that is open would not load it anew.
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=path.as_uri() + at)
        deadline = time.monotonic() + 20
        while not self.js(f"document.readyState === 'complete' && location.href.startsWith({path.as_uri()!r})"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{path} does not load")
            time.sleep(0.02)

    def js(self, code):
        result = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def text(self, node):
        return self.js(f"document.getElementById({node!r}).textContent")

    def count(self, selector):
        return self.js(f"document.querySelectorAll({selector!r}).length")

    def key(self, *names):
        for name in names:
            # A sign is typed; a key with a name only goes down.
            typed = {"text": name} if len(name) == 1 else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", key=name, **typed)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=name)

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


# Pairs of labels that cover each other by more than a hair.
OVERLAPS = """(() => {
  const boxes = [...document.querySelectorAll('.s text, .q text, .body .f > text')].map(t => [t.textContent, t.getBBox()]);
  const out = [];
  boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
    const x = Math.min(p.x + p.width, q.x + q.width) - Math.max(p.x, q.x);
    const y = Math.min(p.y + p.height, q.y + q.height) - Math.max(p.y, q.y);
    if (x > 1 && y > 4) out.push(a + ' / ' + b);
  }));
  return out; })()"""
# Labels that an arrow leads through: the letters, not the room above and below them.
CROSSED = """(() => {
  const rays = [...document.querySelectorAll('.body .a .ray')].map(ray => {
    const long = ray.getTotalLength(), points = [];
    for (let at = 0; at <= long; at += 2) points.push(ray.getPointAtLength(at));
    return points; });
  const out = [];
  for (const text of document.querySelectorAll('.body .s text')) {
    const b = text.getBBox();
    const inside = p => p.x > b.x && p.x < b.x + b.width && p.y > b.y + 3 && p.y < b.y + b.height - 3;
    if (rays.some(points => points.some(inside))) out.push(text.textContent);
  }
  return out; })()"""
OUTSIDE = """[...document.querySelectorAll('.body text')].filter(t => { const b = t.getBBox(), v = t.ownerSVGElement.viewBox.baseVal;
  return b.x < 0 || b.x + b.width > v.width || b.y + b.height > v.height + 1; }).map(t => t.textContent)"""
CONTRAST = """(() => {
  const rgb = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = c => { const [r, g, b] = rgb(c).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b; };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  let least = 99, worst = '';
  for (const t of document.querySelectorAll('svg text:not(.ground), h1, p, button, .head b, .head i, .head span')) {
    const s = getComputedStyle(t); const c = t.tagName === 'text' ? s.fill : s.color;
    const [a, b] = [light(c), ground].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < least) { least = ratio; worst = t.textContent; }
  }
  return [least, worst]; })()"""
# What has the colour that is kept for broken rules.
RED = """(() => { const red = getComputedStyle(document.documentElement).getPropertyValue('--alarm').trim();
  const probe = document.createElement('i'); probe.style.color = red; document.body.append(probe);
  const is = getComputedStyle(probe).color; probe.remove();
  const drawn = n => !['none', 'rgba(0, 0, 0, 0)'].includes(n);
  return [...document.querySelectorAll('h1, svg *')].filter(n => { const s = getComputedStyle(n);
    return s.fill === is || s.stroke === is || (n.tagName === 'H1' && s.color === is); }).map(n => n.outerHTML.slice(0, 90)); })()"""
# What each bar shows below the present step, and what each head says.
FUTURE = """(() => { const y = Number(document.getElementById('now').getAttribute('cy'));
  return [...document.querySelectorAll('.l .held')].filter(b => getComputedStyle(b).opacity > 0
    && b.closest('.l').matches(':not(.later)') && Number(b.getAttribute('y2')) > y + 1).length; })()"""
HEADS = "[...document.querySelectorAll('.head')].map(h => h.lastChild.textContent)"


def looks(browser, pages, shots):
    for name, page in pages.items():
        for dark in (False, True):
            tone = "dark" if dark else "light"
            browser.open(page, dark=dark)
            least, worst = browser.js(CONTRAST)
            check(f"{name}, {tone}: every text has a contrast of 4.5", least >= 4.5, f"{least:.2f} {worst}")
            if shots:
                browser.shot(shots / f"{name}-{tone}.png")
        check(f"{name}: no label covers another", (found := browser.js(OVERLAPS)) == [], found[:5])
        check(f"{name}: no arrow leads through a label", (found := browser.js(CROSSED)) == [], found[:5])
        check(f"{name}: no label leaves the picture", (found := browser.js(OUTSIDE)) == [], found[:5])
        check(f"{name}: there are arrows and steps", browser.count(".a, .s") > 9)
        check(f"{name}: it fits the width", browser.js("stage.scrollWidth <= stage.clientWidth"))
        is_bad = browser.count("h1.bad") > 0
        check(f"{name}: red is for broken rules", (browser.js(RED) != []) == is_bad, browser.js(RED)[:3])
        check(f"{name}: it names no flag", "--" not in browser.js("document.querySelector('header').textContent"))


def steps(browser, page):
    browser.open(page)
    total = browser.count(".s")
    later = lambda: browser.count(".s.later")
    check("at first everything is shown", later() == 0 and browser.count(".a.later") == 0)
    whole = browser.js(HEADS)
    check("the heads say what is held at last", "promised 6\nholds Y@6" in whole[2], whole)
    browser.key("ArrowRight")
    check("the right arrow shows the first step only", later() == total - 1, later())
    check("no promise is shown before it is given", browser.js(HEADS) == [""] * 5 and browser.js(FUTURE) == 0)
    browser.key(*["ArrowDown"] * 3)
    check("three more arrows show three more", later() == total - 4, later())
    check("the place is said", browser.text("place") == f"step 4 of {total}")
    check("messages under way are marked", browser.count(".a.flight") > 0)
    check("the heads say what is held by now", sorted(set(browser.js(HEADS))) == ["", "promised 1"], browser.js(HEADS))
    said = browser.text("details")
    check("the line of the log is shown whole", '"peer_id"' in said and '"time_us"' in said, said)
    browser.key("ArrowLeft")
    check("the left arrow steps back", later() == total - 3, later())
    for step in range(total):
        browser.key("ArrowRight" if step else "Home")
        if browser.js(FUTURE):
            check(f"at step {step + 1} no bar goes on below it", False)
        if "are a majority" in browser.text("details"):
            check(f"at step {step + 1} those that count are marked", browser.count(".s.counted") == 2)
    check("there were majorities", browser.js("JSON.parse(data.textContent).steps.filter(s => s.counted.length).length") == 5)
    browser.key("End")
    check("End goes to the last step", later() == 0 and f"step {total} " in browser.text("place"))
    x, y, w, h = browser.js("(r => [r.x, r.y, innerWidth, innerHeight])(document.getElementById('now').getBoundingClientRect())")
    check("the step is scrolled into sight", 0 < x < w and 0 < y < h - 100, (x, y))
    browser.key("Escape")
    check("Escape shows the whole run", later() == 0 and browser.js(HEADS) == whole)
    browser.click("#next")
    check("the button steps too", later() == total - 1)
    check("the address says where one stands", browser.js("location.hash") == "#step=1")
    browser.click("#whole")
    check("and the other shows all", later() == 0)
    browser.open(page, at="#step=7")
    check("an address leads to its step", browser.text("place") == f"step 7 of {total}")
    browser.js("location.hash = '#step=3'")
    check("also one that is typed", browser.js("new Promise(r => setTimeout(r)).then(() => place.textContent)") == f"step 3 of {total}")
    browser.open(page, at="#step=999999")
    check("and one too far to the last", browser.text("place") == f"step {total} of {total}")


def sizes(browser, page):
    browser.open(page, width=700, height=500)
    wide = lambda: browser.js("document.querySelector('.body').getBoundingClientRect().width")
    check("a wide run fits a narrow window", browser.js("stage.scrollWidth <= stage.clientWidth"), wide())
    before = wide()
    browser.key("+", "+")
    check("+ makes it larger", wide() > before * 1.3, (before, wide()))
    browser.click("#smaller")
    check("the button makes it smaller", before < wide() < before * 1.3)
    browser.key(*["+"] * 9)
    browser.js("stage.scrollTo(600, 900)")
    shown = browser.js("""(() => { const s = stage.getBoundingClientRect(); return [...document.querySelectorAll('.head b')].filter(b => {
      const r = b.getBoundingClientRect(); return r.right > s.left && r.left < s.right && r.top >= s.top - 1; }).map(b => b.textContent); })()""")
    check("the names stay in sight", len(shown) > 0, shown)
    aligned = browser.js("""[...document.querySelectorAll('.head')].every((h, i) => { const r = h.getBoundingClientRect();
      const step = document.querySelector(`.s[data-p='${i}'] circle, .s[data-p='${i}'] path`)?.getBoundingClientRect();
      return !step || Math.abs((r.left + r.right) / 2 - (step.left + step.right) / 2) < 6; })""")
    check("each above its line", aligned)
    browser.key("0")
    check("0 fits it again", abs(wide() - before) < 1)


def findings(browser, page):
    browser.open(page)
    count = browser.js("JSON.parse(data.textContent).findings.length")
    seen = []
    for turn in range(count):
        browser.key("n")
        check(f"finding {turn + 1} has lines to its places", browser.count(".f.shown .lead")
              == browser.js(f"JSON.parse(data.textContent).findings[{turn}].steps.length") >= 1)
        check(f"finding {turn + 1} stands at the side in full", browser.js(
            f"(f => [...document.querySelectorAll('.f.shown > text:not(.ground)')].map(t => t.textContent).join(' ') === f.says)"
            f"(JSON.parse(data.textContent).findings[{turn}])"))
        check(f"finding {turn + 1} is told", "⚠" in browser.text("details"))
        seen.append(browser.text("place"))
    check("each has its step", len(set(seen)) == count > 1, seen)
    browser.click("#finding")
    check("the button begins again", browser.text("place") == seen[0])


def filters(browser, page):
    browser.open(page)
    arrows = browser.count(".a")
    shown = lambda: browser.count(".a:not(.off)")
    browser.click(".peer[data-p='1']")
    right = browser.count(".a[data-f='1'], .a[data-t='1']")
    check("a peer's button leaves its messages", 0 < shown() == right < arrows, (shown(), right))
    check("the button looks pressed", browser.js("document.querySelector(\".peer[data-p='1']\").ariaPressed") == "true")
    browser.click(".number[data-n='0']")
    right = browser.count(".a[data-f='1'][data-n='0'], .a[data-t='1'][data-n='0']")
    check("with a number's button only those about it", 0 < shown() == right, (shown(), right))
    browser.key("ArrowRight")
    before = browser.text("place")
    browser.key(*["ArrowRight"] * 60)
    faint = browser.js("document.querySelectorAll('.s')[Number(place.textContent.split(' ')[1]) - 1].classList.contains('off')")
    check("steps go on among what is left", before != browser.text("place") and not faint, before)
    browser.click(".number[data-n='0']")
    browser.click(".peer[data-p='1']")
    check("both pressed again show everything", shown() == arrows)


def reading(browser, page):
    browser.open(page)
    spot = browser.js("""(() => { for (const l of document.querySelectorAll('.a .hit')) { const b = l.getBoundingClientRect();
      for (const f of [.3, .4, .5, .6, .7]) { const p = l.getPointAtLength(l.getTotalLength() * f).matrixTransform(l.getScreenCTM());
        if (document.elementFromPoint(p.x, p.y) === l) return [p.x, p.y]; } } })()""")
    browser.mouse(*spot)
    tip = browser.js("[tip.hidden, tip.textContent]")
    check("pointing at an arrow shows its message whole", not tip[0] and '"message_type"' in tip[1] and "→" in tip[1], tip)
    browser.mouse(*spot, click=True)
    check("a tap keeps it below", '"message_type"' in browser.text("details"))
    browser.mouse(3, 3)
    check("pointing elsewhere hides it", browser.js("tip.hidden"))


def hostile(browser, synod, folder):
    for number, nasty in enumerate(NASTY):
        text = json.dumps(nasty)
        line = lambda at, action, **more: json.dumps({"peer_id": 1, "action": action, "at": at, **more}) + "\n"
        what = {"message_type": "prepare", "message_value": nasty, "proposal_num": 5, "to": 2}
        vote = {"message_type": "accept", "message_value": nasty, "proposal_num": 5, "to": 1}
        log = folder / f"nasty{number}.jsonl"
        log.write_text(line(1, "sent", **what) + line(2, "received", **what) + line(1, "noted", note=nasty)
                       + line(1, "sent", **vote) + line(1, "received", **vote)
                       + line(1, "sent", **vote | {"message_type": "accept_ack"})
                       + line(1, "chose", message_type="chose", message_value=nasty, proposal_num=5))
        browser.open(draw(synod, folder, log, "html"))
        browser.key("End", "ArrowLeft")
        browser.click(".s")
        clean = browser.js("window.pwned === undefined && document.scripts.length === 2 && !document.querySelector('img')")
        loud = [e for e in browser.events if e["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")]
        far = [e for e in browser.events if e["method"] == "Network.requestWillBeSent"
               and not e["params"]["request"]["url"].startswith(("file:", "about:"))]
        check(f"page: {text} stays text", clean and not loud and not far, loud or far)
        browser.open(draw(synod, folder, log, "svg"))
        fine = browser.js("document.documentElement.tagName === 'svg' && !document.querySelector('parsererror, script, img')")
        check(f"svg: {text} stays text", fine and browser.js("window.pwned === undefined"))


def mermaid(browser, synod, folder, logs):
    """Mermaid itself reads and draws every picture in its form."""
    # A package that carries Mermaid's script; nothing is compiled.
    manifest = folder / "mermaid/Cargo.toml"
    manifest.parent.mkdir()
    manifest.write_text(f'[package]\nname = "mermaid"\n[dependencies]\nmdbook-mermaid = "={MERMAID}"\n[lib]\npath = "Cargo.toml"\n')
    about = json.loads(subprocess.run(["cargo", "metadata", "--format-version=1", "--manifest-path", str(manifest)],
                                      check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    package = next(package for package in about["packages"] if package["name"] == "mdbook-mermaid")
    script = pathlib.Path(package["manifest_path"]).parent / "src/bin/assets/mermaid.min.js"
    page = folder / "mermaid.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body><div id=out></div><script src={script.as_uri()}></script>")
    for log in logs + sorted(folder.glob("nasty*.jsonl")):
        source = draw(synod, folder, log, "mmd").read_text()
        browser.open(page)
        try:
            text = browser.js("mermaid.initialize({startOnLoad: false}); mermaid.render('m', %s).then(r => { "
                              "document.getElementById('out').innerHTML = r.svg; return document.getElementById('out').textContent })"
                              % json.dumps(source))
            check(f"Mermaid draws {log.name}", "peer1" in text and "Syntax error" not in text)
            nasty = NASTY[int(log.stem[5:])] if log.stem.startswith("nasty") else "view" if log.suffix == ".log" else "majority"
            whole = nasty.isprintable() and nasty != "&lt;"
            check(f"Mermaid shows the text of {log.name}", not whole or nasty[:24] in text, text[-300:])
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
    args = parser.parse_args()
    if not CHROMIUM:
        print("there is no chromium" if os.environ.get("CI") else "skipped: there is no chromium")
        return bool(os.environ.get("CI"))
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = pathlib.Path(folder)
        names = ["duel", "broken", "crash", "latecomer", "printed", "nine", "everyone"]
        logs = [ROOT / "tests/draw" / f"{name}.jsonl" for name in names] + [ROOT / "tests/draw/views-broken.log"]
        pages = {log.stem: draw(args.synod, folder, log, "html", "--all" if log.stem == "nine" else "--width=80") for log in logs}
        browser = Browser(folder)
        try:
            looks(browser, pages, args.shots)
            steps(browser, pages["duel"])
            sizes(browser, pages["nine"])
            findings(browser, pages["broken"])
            filters(browser, pages["duel"])
            reading(browser, pages["duel"])
            hostile(browser, args.synod, folder)
            mermaid(browser, args.synod, folder, logs)
        finally:
            browser.close()
    print(f"browser: {passed} passed, {len(failures)} failed")
    return bool(failures)


sys.exit(main())
