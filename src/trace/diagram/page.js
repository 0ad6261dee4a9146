"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const body = document.querySelector(".body");
  const steps = [...body.querySelectorAll(".s")];
  const arrows = [...body.querySelectorAll(".a")];
  const peers = new Set();
  const numbers = new Set();
  let now = -1; // the step one stands at; -1: the whole run

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

  const hint = () => fill($("details"), "", [$("details").dataset.hint], []);

  function wanted(node) {
    const isArrow = node.classList.contains("a");
    const ends = isArrow ? [number(node, "f"), number(node, "t")] : [number(node, "p")];
    const fits = peers.size === 0 || ends.some((peer) => peers.has(peer));
    return fits && (!isArrow || numbers.size === 0 || numbers.has(number(node, "n")));
  }

  function show() {
    const touched = new Set();
    for (const node of arrows) {
      const off = !wanted(node);
      const sent = number(node, "s");
      const received = number(node, "r");
      const begins = sent < 0 ? received : sent;
      node.classList.toggle("off", off);
      node.classList.toggle("later", now >= 0 && begins > now);
      node.classList.toggle("flight", now >= 0 && begins <= now && received > now);
      node.classList.toggle("lit", now >= 0 && (sent === now || received === now));
      if (!off) touched.add(sent).add(received);
    }
    steps.forEach((node, index) => {
      const filtered = peers.size > 0 || numbers.size > 0;
      node.classList.toggle("off", filtered && !touched.has(index) && !(wanted(node) && numbers.size === 0));
      node.classList.toggle("later", now >= 0 && index > now);
    });
    const [x, y] = now < 0 ? [-99, -99] : data.steps[now].at;
    $("now").setAttribute("cx", x);
    $("now").setAttribute("cy", y);
    $("place").textContent = now < 0 ? `${steps.length} steps` : `step ${now + 1} of ${steps.length}`;
    if (now < 0) return hint();
    const step = data.steps[now];
    fill($("details"), step.when, step.says, step.lines);
    const stage = $("stage");
    const top = y + document.querySelector(".heads").clientHeight;
    if (top < stage.scrollTop + 120 || top > stage.scrollTop + stage.clientHeight - 60) {
      stage.scrollTop = top - stage.clientHeight / 2;
    }
    if (x < stage.scrollLeft + 60 || x > stage.scrollLeft + stage.clientWidth - 60) {
      stage.scrollLeft = x - stage.clientWidth / 2;
    }
  }

  function go(by) {
    let next = now < 0 && by < 0 ? steps.length : now;
    do next += by; while (next >= 0 && next < steps.length && steps[next].classList.contains("off"));
    if (next < 0) now = -1;
    else if (next < steps.length) now = next;
    show();
  }

  function toggle(set, button, name) {
    const value = Number(button.dataset[name]);
    const on = !set.has(value);
    if (on) set.add(value); else set.delete(value);
    button.setAttribute("aria-pressed", String(on));
    show();
  }

  const under = (event) => event.target.closest?.(".a, .s");

  function read(node) {
    if (node.classList.contains("a")) {
      const arrow = data.arrows[number(node, "a")];
      return ["", [arrow.says], arrow.lines];
    }
    const step = data.steps[number(node, "s")];
    return [step.when, step.says, step.lines];
  }

  document.querySelectorAll(".peer").forEach((b) => b.addEventListener("click", () => toggle(peers, b, "p")));
  document.querySelectorAll(".number").forEach((b) => b.addEventListener("click", () => toggle(numbers, b, "n")));
  $("back").addEventListener("click", () => go(-1));
  $("next").addEventListener("click", () => go(1));
  $("whole").addEventListener("click", () => { now = -1; show(); });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by) go(by);
    else if (event.key === "Escape") { now = -1; show(); }
    else if (event.key === "Home") { now = -1; go(1); }
    else if (event.key === "End") { now = -1; go(-1); }
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
    if (node.classList.contains("s")) { now = number(node, "s"); show(); }
    else fill($("details"), ...read(node));
  });

  show();
})();
