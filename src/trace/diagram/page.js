"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const stage = $("stage");
  const body = document.querySelector(".body");
  const all = (selector, root = body) => [...root.querySelectorAll(selector)];
  const steps = all(".s");
  const arrows = all(".a");
  const heads = all(".head", stage);
  const bars = all(".l .held").map((line) => ({ line, low: Number(line.getAttribute("y2")), high: Number(line.getAttribute("y1")) }));
  const peers = new Set();
  const numbers = new Set();
  let now = -1; // the step one stands at; -1: the whole run
  let shown = -1; // the finding one looks at
  let scale = 1;

  const number = (node, name) => (name in node.dataset ? Number(node.dataset[name]) : -1);

  // Everything from the log goes in as text.
  function fill(box, title, says, lines) {
    box.replaceChildren();
    const add = (tag, text) => {
      const node = document.createElement(tag);
      node.textContent = text;
      box.append(node);
    };
    if (title) add("b", title);
    for (const text of says) add("p", text);
    for (const text of lines) add("code", text);
  }

  function zoom(to) {
    scale = Math.min(4, Math.max(0.2, to));
    const [width, height] = data.size;
    body.setAttribute("width", width * scale);
    body.setAttribute("height", height * scale);
    document.querySelector(".heads").style.width = `${width * scale}px`;
    for (const head of heads) {
      const wide = number(head, "w") * scale;
      head.style.left = `${number(head, "x") * scale}px`;
      head.style.width = `${wide}px`;
      head.classList.toggle("narrow", wide < 76);
    }
  }

  const fit = () => zoom(Math.min(1.25, (stage.clientWidth - 40) / data.size[0]));

  function wanted(node) {
    const isArrow = node.classList.contains("a");
    const ends = isArrow ? [number(node, "f"), number(node, "t")] : [number(node, "p")];
    const fits = peers.size === 0 || ends.some((peer) => peers.has(peer));
    return fits && (!isArrow || numbers.size === 0 || numbers.has(number(node, "n")));
  }

  function filter() {
    const touched = new Set();
    const filtered = peers.size > 0 || numbers.size > 0;
    for (const node of arrows) {
      const off = !wanted(node);
      node.classList.toggle("off", off);
      if (!off) touched.add(number(node, "s")).add(number(node, "r"));
    }
    steps.forEach((node, index) => {
      node.classList.toggle("off", filtered && !touched.has(index) && !(wanted(node) && numbers.size === 0));
    });
  }

  // What comes after the step one stands at is faint, and bars end at it.
  function dim() {
    const isLater = (step) => now >= 0 && step > now;
    const counted = new Set(now < 0 ? [] : data.steps[now].counted);
    for (const node of arrows) {
      const sent = number(node, "s");
      const received = number(node, "r");
      const begins = sent < 0 ? received : sent;
      node.classList.toggle("later", isLater(begins));
      node.classList.toggle("flight", !isLater(begins) && isLater(received));
      node.classList.toggle("lit", now >= 0 && (sent === now || received === now || counted.has(sent) && received <= now
        && number(node, "t") === data.steps[now].peer));
    }
    for (const node of all(".s, .l, .q, .f")) {
      node.classList.toggle("later", isLater(number(node, "s")));
      node.classList.toggle("counted", node.classList.contains("s") && counted.has(number(node, "s")));
      if (node.classList.contains("f")) node.classList.toggle("shown", number(node, "f") === shown);
    }
    const y = now < 0 ? Infinity : data.steps[now].at[1];
    for (const { line, low, high } of bars) line.setAttribute("y2", Math.max(high, Math.min(low, y)));
    heads.forEach((head, peer) => {
      const known = data.states[peer].filter(([step]) => now < 0 || step <= now);
      head.lastChild.textContent = known.length ? known[known.length - 1][1].replaceAll(" · ", "\n") : "";
    });
  }

  function show() {
    filter();
    dim();
    const [x, y] = now < 0 ? [-99, -99] : data.steps[now].at;
    $("now").setAttribute("cx", x);
    $("now").setAttribute("cy", y);
    $("place").textContent = now < 0 ? `${steps.length} steps` : `step ${now + 1} of ${steps.length}`;
    try { history.replaceState(null, "", now < 0 ? "#" : `#step=${now + 1}`); } catch { /* a page without an address */ }
    if (now < 0) return fill($("details"), "", [$("details").dataset.hint], []);
    const step = data.steps[now];
    fill($("details"), step.when, step.says, step.lines);
    const head = document.querySelector(".heads").clientHeight;
    const top = y * scale + head;
    if (top < stage.scrollTop + head + 60 || top > stage.scrollTop + stage.clientHeight - 60) {
      stage.scrollTop = top - stage.clientHeight / 2;
    }
    const left = x * scale;
    if (left < stage.scrollLeft + 60 || left > stage.scrollLeft + stage.clientWidth - 60) {
      stage.scrollLeft = left - stage.clientWidth / 2;
    }
  }

  function stand(step) {
    now = step;
    if (now < 0 || !(data.findings[shown]?.steps.includes(now))) shown = -1;
    show();
  }

  function go(by) {
    let next = now < 0 && by < 0 ? steps.length : now;
    do next += by; while (next >= 0 && next < steps.length && steps[next].classList.contains("off"));
    if (next < steps.length) stand(Math.max(-1, next));
  }

  // To the step at which the next finding is complete.
  function nextFinding() {
    if (data.findings.length === 0) return;
    shown = (shown + 1) % data.findings.length;
    stand(data.findings[shown].steps.at(-1));
  }

  function toggle(set, button, name) {
    const value = Number(button.dataset[name]);
    const on = !set.has(value);
    if (on) set.add(value); else set.delete(value);
    button.setAttribute("aria-pressed", String(on));
    show();
  }

  function fromAddress() {
    const step = Number(/^#step=(\d+)$/.exec(location.hash)?.[1] ?? 0);
    stand(Math.min(step, steps.length) - 1);
  }

  const under = (event) => event.target.closest?.(".a, .s, .f");

  function read(node) {
    if (node.classList.contains("s")) {
      const step = data.steps[number(node, "s")];
      return [step.when, step.says, step.lines];
    }
    const isArrow = node.classList.contains("a");
    const text = isArrow ? data.arrows[number(node, "a")] : data.findings[number(node, "f")];
    return ["", [text.says], text.lines];
  }

  document.querySelectorAll(".peer").forEach((b) => b.addEventListener("click", () => toggle(peers, b, "p")));
  document.querySelectorAll(".number").forEach((b) => b.addEventListener("click", () => toggle(numbers, b, "n")));
  const actions = {
    back: () => go(-1), next: () => go(1), whole: () => stand(-1), finding: nextFinding,
    smaller: () => zoom(scale / 1.2), larger: () => zoom(scale * 1.2), fit,
  };
  for (const [id, action] of Object.entries(actions)) $(id)?.addEventListener("click", action);
  const keys = {
    ArrowRight: "next", ArrowDown: "next", ArrowLeft: "back", ArrowUp: "back", Escape: "whole",
    n: "finding", N: "finding", "+": "larger", "=": "larger", "-": "smaller", 0: "fit",
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Home") { now = -1; go(1); }
    else if (event.key === "End") { now = -1; go(-1); }
    else if (event.key in keys) actions[keys[event.key]]();
    else return;
    event.preventDefault();
  });

  body.addEventListener("pointermove", (event) => {
    const node = under(event);
    const tip = $("tip");
    tip.hidden = !node;
    if (!node) return;
    fill(tip, ...read(node));
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const above = event.clientY + 18 + tip.offsetHeight > innerHeight;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${above ? Math.max(4, event.clientY - tip.offsetHeight - 12) : event.clientY + 18}px`;
  });
  body.addEventListener("pointerleave", () => { $("tip").hidden = true; });
  body.addEventListener("click", (event) => {
    const node = under(event);
    if (!node) return;
    if (node.classList.contains("s")) return stand(number(node, "s"));
    if (node.classList.contains("f")) { shown = number(node, "f"); return stand(number(node, "s")); }
    fill($("details"), ...read(node));
  });
  addEventListener("hashchange", fromAddress);

  fit();
  fromAddress();
})();
