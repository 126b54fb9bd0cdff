"use strict";
const data = JSON.parse(document.getElementById("data").textContent);

// Tables: a row stays while it has the words that are searched for.
for (const field of document.querySelectorAll("input[data-table]")) {
  const name = field.dataset.table;
  const rows = [...document.querySelectorAll(`#${name} tbody tr`)];
  const words = rows.map((row) => row.textContent.toLowerCase());
  const count = document.querySelector(`output[data-count="${name}"]`);
  field.addEventListener("input", () => {
    const asked = field.value.toLowerCase();
    let left = 0;
    rows.forEach((row, i) => {
      const kept = words[i].includes(asked);
      row.hidden = !kept;
      left += kept;
    });
    count.textContent = `${left.toLocaleString("en")} rows`;
  });
}

// The way of a piece, drawn over the machine while its lines are open.
const machine = document.querySelector("#machine svg");
for (const piece of document.querySelectorAll("details[data-piece]")) {
  piece.addEventListener("toggle", () => {
    if (!machine) return;
    for (const old of machine.querySelectorAll(`.way[data-of="${piece.dataset.piece}"]`)) old.remove();
    if (!piece.open) return;
    for (const ends of data.ways[piece.dataset.piece]) {
      const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
      line.setAttribute("class", "way");
      line.dataset.of = piece.dataset.piece;
      line.setAttribute("points", ends.map((v) => data.at[v].join(",")).join(" "));
      machine.append(line);
    }
  });
}

// The timeline: bars of a row are sorted by time, so that those in sight are found by halving.
const canvas = document.getElementById("bars");
if (canvas) {
  const bars = data.bars;
  const choice = document.getElementById("rows");
  const said = document.getElementById("said");
  const starts = new Int32Array(bars.rows.length + 1);
  for (const row of bars.row) starts[row + 1] += 1;
  for (let i = 0; i < bars.rows.length; i++) starts[i + 1] += starts[i];
  const LABEL = 170, HIGH = 16, FOOT = 18;
  let from = 0, until = bars.seconds, top = 0, drag = null, waiting = false;

  const shown = () => {
    const n = bars.ranks;
    const [a, b] = { sends: [0, n], hears: [n, 2 * n], links: [2 * n, bars.rows.length] }[choice.value];
    return { a, b };
  };
  const colour = (rank) => `hsl(${(rank * 137.508) % 360} 55% 52%)`;
  const time = (seconds) => {
    for (const [unit, name] of [[1, "s"], [1e-3, "ms"], [1e-6, "us"]])
      if (Math.abs(seconds) >= unit) return `${+(seconds / unit).toPrecision(4)} ${name}`;
    return `${+(seconds / 1e-9).toPrecision(4)} ns`;
  };

  function first(row, when) { // the first bar of a row that ends after a time
    let low = starts[row], high = starts[row + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bars.end[middle] > when) high = middle; else low = middle + 1;
    }
    return low;
  }

  function paint() {
    waiting = false;
    const wide = canvas.clientWidth, tall = canvas.clientHeight, scale = devicePixelRatio || 1;
    if (canvas.width !== wide * scale) { canvas.width = wide * scale; canvas.height = tall * scale; }
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    const style = getComputedStyle(document.body);
    pen.fillStyle = style.backgroundColor;
    pen.fillRect(0, 0, wide, tall);
    pen.font = "11px system-ui, sans-serif";
    const perSecond = (wide - LABEL) / (until - from), { a, b } = shown();
    const rows = Math.floor((tall - FOOT) / HIGH);
    top = Math.max(0, Math.min(top, b - a - rows));
    for (let i = 0; i < rows && a + top + i < b; i++) {
      const row = a + top + i, y = i * HIGH;
      let reached = -1;
      for (let k = first(row, from); k < starts[row + 1] && bars.begin[k] < until; k++) {
        const x = LABEL + Math.max(0, (bars.begin[k] - from) * perSecond);
        const end = LABEL + Math.min(wide - LABEL, (bars.end[k] - from) * perSecond);
        if (end < reached + 0.5) continue; // hidden by the bar before
        pen.fillStyle = colour(bars.src[k]);
        pen.fillRect(Math.max(x, reached), y + 2, Math.max(end - Math.max(x, reached), 0.7), HIGH - 4);
        reached = end;
      }
      pen.fillStyle = style.color;
      pen.fillText(bars.rows[row], 4, y + HIGH - 4, LABEL - 8);
    }
    pen.fillStyle = style.color;
    const ticks = wide - LABEL < 500 ? 2 : 4; // on a narrow screen their words would meet
    for (let i = 0; i <= ticks; i++) {
      const x = LABEL + ((wide - LABEL) * i) / ticks;
      pen.textAlign = i === ticks ? "right" : "left";
      pen.fillText(time(from + ((until - from) * i) / ticks), x, tall - 5);
    }
    pen.textAlign = "left";
  }
  const repaint = () => { if (!waiting) { waiting = true; requestAnimationFrame(paint); } };

  function zoom(factor, at) { // at: the part of the width that stays
    const middle = from + (until - from) * at;
    const length = Math.min(bars.seconds, Math.max((until - from) * factor, bars.seconds * 1e-6));
    from = Math.max(0, Math.min(middle - length * at, bars.seconds - length));
    until = from + length;
    repaint();
  }
  function move(part) {
    const step = Math.max(-from, Math.min((until - from) * part, bars.seconds - until));
    from += step;
    until += step;
    repaint();
  }
  const part = (event) => Math.max(0, (event.offsetX - LABEL) / (canvas.clientWidth - LABEL));

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.shiftKey) { top += Math.sign(event.deltaY) * 3; repaint(); }
    else zoom(event.deltaY > 0 ? 1.25 : 0.8, part(event));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.offsetX, y: event.offsetY, top };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", () => { drag = null; });
  canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      move((drag.x - event.offsetX) / (canvas.clientWidth - LABEL));
      top = drag.top + Math.round((drag.y - event.offsetY) / HIGH);
      drag.x = event.offsetX;
      repaint();
      return;
    }
    const { a, b } = shown(), row = a + top + Math.floor(event.offsetY / HIGH);
    const when = from + (until - from) * part(event);
    const k = row < b ? first(row, when) : -1;
    said.textContent = k >= 0 && k < starts[row + 1] && bars.begin[k] <= when
      ? `${bars.rows[row]}: ${data.names[bars.src[k]]} to ${data.names[bars.dst[k]]}, ` +
        `${time(bars.begin[k])} to ${time(bars.end[k])}`
      : "";
  });
  canvas.addEventListener("keydown", (event) => {
    const act = {
      "+": () => zoom(0.6, 0.5), "=": () => zoom(0.6, 0.5), "-": () => zoom(1.6, 0.5),
      "0": () => { from = 0; until = bars.seconds; repaint(); },
      ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2),
      ArrowUp: () => { top -= 1; repaint(); }, ArrowDown: () => { top += 1; repaint(); },
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  choice.addEventListener("change", () => { top = 0; repaint(); });
  addEventListener("resize", repaint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  paint();
}
