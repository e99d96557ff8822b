"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const state = { group: 0, teacher: null };
  const views = {};

  // Circle, square, diamond, triangles, cross, star: in a box from -1 to 1.
  const SHAPES = [
    "M0.9,0A0.9,0.9,0,1,1,-0.9,0A0.9,0.9,0,1,1,0.9,0Z", "M-0.8,-0.8H0.8V0.8H-0.8Z", "M0,-1.1L0.95,0L0,1.1L-0.95,0Z",
    "M0,-1L1,0.8H-1Z", "M0,1L1,-0.8H-1Z", "M-0.35,-1H0.35V-0.35H1V0.35H0.35V1H-0.35V0.35H-1V-0.35H-0.35Z",
    "M-1,0L0.8,-1V1Z", "M1,0L-0.8,-1V1Z",
  ];

  // The page's own colours, by day and by night: a chart is SVG, and follows without being redrawn.
  const colour = (name) => `var(--${name})`;
  const both = (light, dark) => `light-dark(${light}, ${dark})`;
  const group = () => data.groups[state.group];
  const shown = (value, digits = 4) => value === null ? "–" : String(Number(value.toPrecision(digits))).replace("-", "−");
  const signed = (value) => (value > 0 ? "+" : "") + shown(value, 3);

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }
  function drawn(tag, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // Charts --------------------------------------------------------------------------------------
  function config() {
    const [ink, soft, line, grid] = ["ink", "soft", "line", "grid"].map(colour);
    const font = getComputedStyle(document.body).fontFamily;
    return {
      background: null, font, view: { stroke: null },
      axis: { labelColor: soft, titleColor: ink, gridColor: grid, domainColor: line, tickColor: line, labelFontSize: 12, titleFontSize: 13, titleFontWeight: 600, labelPadding: 6, titlePadding: 10, tickSize: 0 },
    };
  }
  async function embed(id, spec, onClick) {
    const result = await vegaEmbed(`#${id}`, { $schema: "https://vega.github.io/schema/vega-lite/v6.json", ...spec, config: config() }, {
      actions: false, renderer: "svg", ast: true, tooltip: { disableDefaultStyle: true }, hover: false,
    });
    views[id]?.finalize();
    views[id] = result.view;
    if (onClick) result.view.addEventListener("click", (_, item) => { if (item?.datum && item.datum.n !== undefined) onClick(item.datum.n); });
  }
  const bracketed = (unit) => unit ? `  [${unit}]` : "";
  const dashed = (points, label, ink) => ({
    data: { values: points }, layer: [
      { mark: { type: "line", strokeDash: [5, 4], strokeWidth: 1.3, color: ink }, encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" } } },
      { transform: [{ filter: "datum.last" }], mark: { type: "text", align: "right", dx: -8, dy: points[1].y < 0 ? 10 : -4, color: ink, fontSize: 12, fontStyle: "italic" }, encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" }, text: { value: label } } },
    ],
  });

  function gainSpec(chosen) {
    const g = group(), one = g.word === "seed";
    const names = g.series.map((_, n) => n);
    const dots = g.dots.map(([n, split, misfit, gain, weak, w2s, ceiling]) => ({
      n, [g.word]: g.series[n].name, split: g.splits[split], misfit, gain, weak, w2s, ceiling,
    }));
    const means = g.means.map(([misfit, gain], n) => ({ n, [g.word]: g.series[n].name, misfit, gain }));
    const top = Math.max(0, ...dots.map((dot) => dot.misfit));
    const reach = Math.max(0, Math.min(top, ...[Math.max(top, ...dots.map((dot) => dot.gain))]));
    const x = { field: "misfit", type: "quantitative", title: `misfit${bracketed(g.unit)}`, scale: { zero: true, nice: true }, axis: { tickCount: 6 } };
    const y = { field: "gain", type: "quantitative", title: `gain = weak error − w2s error${bracketed(g.unit)}`, axis: { tickCount: 6 } };
    const looks = {
      fill: { field: "n", type: "nominal", scale: { domain: names, range: g.series.map((s) => both(s.light, s.dark)) }, legend: null },
      shape: { field: "n", type: "nominal", scale: { domain: names, range: g.series.map((s) => SHAPES[s.shape]) }, legend: null },
    };
    const faded = (full, faint) => ({ condition: { test: "chosen === null || chosen === datum.n", value: full }, value: faint });
    const numbers = [["misfit", "misfit"], ["gain", "gain"]];
    const errors = [["weak", "weak error"], ["w2s", "w2s error"], ["ceiling", "ceiling"]];
    const told = (fields) => fields.map(([field, title]) => ({ field, title, type: "quantitative", format: ".4~g" }));
    const who = { field: g.word, title: g.word, type: "nominal" };
    const layer = [
      { data: { values: [{ y: 0 }] }, mark: { type: "rule", color: colour("soft"), strokeWidth: 1, opacity: 0.6 }, encoding: { y: { field: "y", type: "quantitative" } } },
      dashed([{ x: 0, y: 0 }, { x: reach, y: reach, last: true }], "gain = misfit", colour("soft")),
      {
        data: { values: dots, name: "dots" }, mark: { type: "point", filled: true, size: dots.length > 400 ? 26 : 46, stroke: null, cursor: "pointer" },
        encoding: { x, y, ...looks, opacity: faded(one ? 0.8 : dots.length > 60 ? 0.55 : 0.9, 0.08), tooltip: [who, ...(one ? [] : [{ field: "split", type: "nominal" }]), ...told(errors), ...told(numbers)] },
      },
    ];
    if (g.reverse) layer.push(dashed([{ x: 0, y: 0 }, { x: reach, y: -reach, last: true }], "gain = −misfit", colour("soft")));
    if (!one && dots.length > g.series.length) layer.push({
      data: { values: means }, mark: { type: "point", filled: true, size: 190, stroke: colour("paper"), strokeWidth: 2, cursor: "pointer" },
      encoding: { x, y, ...looks, opacity: faded(1, 0.15), tooltip: [who, { field: "n", title: "mean of", type: "nominal", format: "" }, ...told(numbers)].filter((each) => each.title !== "mean of") },
    });
    return { width: "container", height: innerWidth < 600 ? 320 : 440, autosize: { type: "fit-x", contains: "padding" }, params: [{ name: "chosen", value: chosen }], layer };
  }

  function errorsSpec(view) {
    const m = group().molecules;
    const dots = view.dots.map(([place, weak, student]) => ({ molecule: data.smiles[place], weak, student, way: student < weak ? "repaired" : "spoiled" }));
    const top = Math.max(...dots.map((dot) => Math.max(dot.weak, dot.student)), 0);
    const title = (who) => `${who} error${bracketed(m.unit)}`;
    const x = { field: "weak", type: "quantitative", title: title("teacher’s"), scale: { domain: [0, top], nice: true }, axis: { tickCount: 5 } };
    const y = { field: "student", type: "quantitative", title: title("student’s"), scale: { domain: [0, top], nice: true }, axis: { tickCount: 5 } };
    const told = (field, name) => ({ field, title: name, type: "quantitative", format: ".4~g" });
    return {
      width: "container", height: innerWidth < 600 ? 300 : 360, autosize: { type: "fit-x", contains: "padding" }, layer: [
        {
          data: { values: dots }, mark: { type: "point", filled: true, size: 28, opacity: 0.55 },
          encoding: {
            x, y, tooltip: [{ field: "molecule", type: "nominal" }, told("weak", "teacher"), told("student", "student")],
            shape: { field: "way", type: "nominal", scale: { domain: ["repaired", "spoiled"], range: ["triangle-down", "triangle-up"] }, legend: null },
            fill: { field: "way", type: "nominal", scale: { domain: ["repaired", "spoiled"], range: [colour("repaired"), colour("spoiled")] }, legend: null },
          },
        },
        dashed([{ x: 0, y: 0 }, { x: top, y: top, last: true }], "as good as its teacher", colour("soft")),
      ],
    };
  }

  const HUES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666"];
  const HUES_DARK = ["#56B4E9", "#FF9D5C", "#4FD1A5", "#E5A5CC", "#F0C04A", "#9CCBF0", "#B5BDC7"];
  function ratiosSpec() {
    const rows = data.ratios.map(([n, dataset, kind, ratio, low, high]) => ({ n, dataset, kind: kind || "all", ratio, low, high }));
    const kinds = [...new Set(rows.map((row) => row.kind))];
    const datasets = [...new Set(rows.map((row) => row.dataset))];
    const y = { field: "dataset", type: "nominal", sort: datasets, title: null, scale: { paddingInner: 0.25, paddingOuter: 0.1 }, axis: { labelFontSize: 13, labelLimit: 160, grid: true } };
    const yOffset = { field: "kind", sort: kinds };
    const hues = HUES.map((hue, n) => both(hue, HUES_DARK[n]));
    const color = { field: "kind", type: "nominal", sort: kinds, title: null, scale: { domain: kinds, range: kinds.map((_, n) => hues[n % hues.length]) }, legend: { orient: "bottom", columns: innerWidth < 700 ? 1 : 3, labelLimit: 320, labelColor: colour("ink"), symbolType: "circle" } };
    const shape = { field: "kind", type: "nominal", sort: kinds, title: null, scale: { domain: kinds, range: kinds.map((_, n) => SHAPES[n % SHAPES.length]) }, legend: { labelFontSize: 12, symbolSize: 60 } };
    const step = Math.max(kinds.length * (kinds.length > 12 ? 7 : 10), 26) + 16;
    return {
      width: "container", height: datasets.length * step, autosize: { type: "fit-x", contains: "padding" },
      data: { values: rows.filter((row) => row.ratio !== null) },
      layer: [
        { data: { values: [{ x: 1 }] }, mark: { type: "rule", strokeDash: [5, 4], color: colour("soft") }, encoding: { x: { field: "x", type: "quantitative" } } },
        { data: { values: [{ x: 0 }] }, mark: { type: "rule", color: colour("soft"), opacity: 0.6 }, encoding: { x: { field: "x", type: "quantitative" } } },
        { transform: [{ filter: "datum.low !== null" }], mark: { type: "rule", strokeWidth: 2, clip: true }, encoding: { y, yOffset, color, x: { field: "low", type: "quantitative", title: "gain / misfit, 95 % interval", scale: { domain: [-2, 3] }, axis: { tickCount: 6 } }, x2: { field: "high" } } },
        { mark: { type: "point", filled: true, size: 70, cursor: "pointer", clip: true, opacity: 1 }, encoding: { y, yOffset, color, shape, x: { field: "ratio", type: "quantitative" }, tooltip: [{ field: "dataset" }, { field: "kind", title: "combination" }, { field: "ratio", title: "gain / misfit", format: ".3~g" }, { field: "low", title: "from", format: ".3~g" }, { field: "high", title: "to", format: ".3~g" }] } },
      ],
    };
  }

  // The chosen group and teacher ---------------------------------------------------------------
  function legend() {
    const g = group();
    at("legend").setAttribute("aria-label", `Choose a ${g.word}`);
    at("legend-head").replaceChildren(element("span", {}, g.word), element("span", {}, "mean gain"));
    at("legend").replaceChildren(...g.series.map((series, n) => {
      const symbol = drawn("svg", { viewBox: "-1.3 -1.3 2.6 2.6", "aria-hidden": "true" }, drawn("path", { d: SHAPES[series.shape], fill: both(series.light, series.dark) }));
      const value = element("span", { class: "value" }, signed(g.means[n][1]));
      const button = element("button", { type: "button", "aria-pressed": String(state.teacher === n) }, symbol, element("span", {}, series.name), value);
      button.addEventListener("click", () => choose(state.teacher === n ? null : n));
      return button;
    }));
  }

  function choose(n) {
    state.teacher = n;
    views.chart?.signal("chosen", n).run();
    [...at("legend").children].forEach((button, place) => button.setAttribute("aria-pressed", String(place === n)));
    const name = n === null ? null : group().series[n].name;
    for (const row of document.querySelectorAll("tr[data-teacher]")) row.classList.toggle("chosen", row.dataset.teacher === name);
    molecules();
  }

  function chooseGroup(n) {
    state.group = n;
    state.teacher = null;
    at("group").value = String(n);
    const g = group(), m = g.molecules;
    const sample = g.dots.length < g.all ? ` Shown are ${g.dots.length.toLocaleString("en")} of ${g.all.toLocaleString("en")} trials, drawn at random.` : "";
    const large = g.word === "teacher" && g.dots.length > g.series.length ? " Large symbols: means of each teacher, of which the list has the gain." : "";
    const follow = m ? " Click a teacher and its molecules are shown below." : g.why ? ` ${g.why}` : "";
    at("chart-caption").textContent = `A dot a trial: ${g.word}${g.word === "teacher" ? " and split" : " and task"}. Above the dashed line the student gains more than its misfit says.${large}${follow}${sample}`;
    for (const part of document.querySelectorAll(".of-molecules")) part.hidden = !m;
    if (m) at("teacher").replaceChildren(...m.teachers.map((t) => element("option", { value: String(t) }, g.series[t].name)));
    legend();
    return embed("chart", gainSpec(null), (t) => choose(t)).then(molecules);
  }

  // Molecules -----------------------------------------------------------------------------------
  function drawing(place) {
    const shapes = data.drawings[place];
    const label = { role: "img", "aria-label": data.smiles[place], class: "drawing", viewBox: "0 0 200 130" };
    if (!shapes) return drawn("svg", label, drawn("text", { x: 100, y: 68, "text-anchor": "middle", class: "f-c", "font-size": 11 }, "not drawn"));
    return drawn("svg", label,
      ...shapes.l.map(([c, d]) => drawn("path", { d, class: `l s-${c}` })),
      ...shapes.f.map(([c, d]) => drawn("path", { d, class: `f-${c}` })),
      ...shapes.t.map(([c, x, y, size, text]) => drawn("text", { x, y, "font-size": size, class: `f-${c}` }, text)));
  }
  function scale(truth, weak, student, ceiling) {
    const known = [truth, weak, student, ceiling].filter((value) => value !== null);
    const low = Math.min(...known), width = Math.max(...known) - low || 1;
    const x = (value) => 8 + 244 * (value - low) / width;
    const way = student - truth === 0 || Math.abs(student - truth) < Math.abs(weak - truth) ? "repaired" : "spoiled";
    const parts = [
      drawn("line", { x1: 8, x2: 252, y1: 13, y2: 13, stroke: "var(--line)", "stroke-width": 2 }),
      drawn("line", { x1: x(weak), x2: x(student), y1: 13, y2: 13, stroke: `var(--${way})`, "stroke-width": 3 }),
    ];
    if (ceiling !== null) parts.push(drawn("path", { d: `M${x(ceiling)},7V19`, stroke: "var(--ceiling)", "stroke-width": 2, "stroke-dasharray": "2 2" }));
    parts.push(
      drawn("path", { d: `M${x(truth)},3V23`, stroke: "var(--truth)", "stroke-width": 2.5 }),
      drawn("path", { d: `M${x(weak) - 5},8h10v10h-10Z`, fill: "var(--weak)", stroke: "var(--paper)" }),
      drawn("circle", { cx: x(student), cy: 13, r: 5.5, fill: "var(--student)", stroke: "var(--paper)" }),
    );
    return drawn("svg", { class: "scale", viewBox: "0 0 260 26", "aria-hidden": "true" }, ...parts);
  }
  function card([place, tests, truth, weak, student, ceiling, repair], way, tag = "li") {
    const values = [["truth", truth, "truth"], ["teacher", weak, "weak"], ["student", student, "student"], ["ceiling", ceiling, "ceiling"]];
    const name = element("span", { class: "name" }, data.smiles[place]);
    const times = element("span", { class: "name" }, `${tests} test${tests === 1 ? "" : "s"}`);
    return element(tag, { class: `card ${way}` }, drawing(place), name,
      element("span", { class: "top" }, element("span", { class: "repair" }, signed(repair)), times),
      scale(truth, weak, student, ceiling),
      element("dl", {}, ...values.map(([term, value, kind]) => element("div", {}, element("dt", { class: kind }, term), element("dd", {}, shown(value, 3))))));
  }
  const FIRST = 6;
  function list(way, cards, all, unfolded) {
    at(way).replaceChildren(...cards.slice(0, unfolded ? cards.length : FIRST).map((each) => card(each, way)));
    const button = document.querySelector(`[data-list="${way}"]`);
    button.hidden = cards.length <= FIRST;
    button.textContent = unfolded ? `Show ${FIRST}` : `Show all ${cards.length}`;
    button.onclick = () => list(way, cards, all, !unfolded);
    at(`${way}-title`).textContent = `Most ${way}: ${cards.length} of ${all.toLocaleString("en")} ${way} molecules`;
  }
  function molecules() {
    const m = group().molecules;
    if (!m) return null;
    let place = m.teachers.indexOf(state.teacher);
    if (place < 0) place = 0;
    const view = m.views[place], name = group().series[m.teachers[place]].name;
    at("teacher").value = String(m.teachers[place]);
    at("molecules-title").textContent = `Molecules that ${name}’s students repaired and spoiled`;
    at("molecules-caption").textContent = `Repair: the teacher’s ${m.loss} loss minus the student’s${bracketed(m.repairUnit)}, a mean over the trials that test the molecule; the mean repair is the gain. Predictions are means over the same trials.`;
    const sample = m.dots < m.all ? `Of ${m.all.toLocaleString("en")} tested molecules ${m.dots.toLocaleString("en")} are shown, drawn at random.` : `A dot each of ${m.all.toLocaleString("en")} tested molecules.`;
    at("errors-caption").textContent = `${sample} Error: ${m.axis} over the trials that test it. Below the dashed line the student repaired its teacher (▼), above it the student spoiled (▲).`;
    list("repaired", view.repaired, view.counts[0], false);
    list("spoiled", view.spoiled, view.counts[1], false);
    const example = view.repaired[0] ?? view.spoiled[0];
    at("key-card").replaceChildren(...(example ? [card(example, view.repaired[0] ? "repaired" : "spoiled", "div")] : []));
    return embed("errors", errorsSpec(view));
  }

  // Tables --------------------------------------------------------------------------------------
  const order = new Intl.Collator("en", { numeric: true });
  function sortBy(table, column, numeric, up) {
    const body = table.tBodies[0], way = up ? 1 : -1;
    const key = (row) => numeric ? row.cells[column].dataset.key : row.cells[column].textContent;
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort(([a], [b]) => {
      if ((a === "") !== (b === "")) return a === "" ? 1 : -1;
      return way * (numeric ? Number(a) - Number(b) : order.compare(a, b));
    });
    body.append(...rows.map(([, row]) => row));
  }
  function tables() {
    for (const table of document.querySelectorAll("main table[id]")) {
      const heads = [...table.tHead.rows[0].cells];
      heads.forEach((head, column) => head.querySelector(".sort").addEventListener("click", () => {
        const numeric = head.classList.contains("number");
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        sortBy(table, column, numeric, up);
      }));
      if (table.dataset.chooses !== undefined) pickers(table, Number(table.dataset.chooses));
    }
    for (const input of document.querySelectorAll("[data-filters]")) input.addEventListener("input", () => {
      const rows = [...at(input.dataset.filters).tBodies[0].rows];
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        left += row.hidden ? 0 : 1;
      }
      at(`${input.dataset.filters}-count`).textContent = words.length ? `${left} of ${rows.length} rows` : "";
    });
  }
  function pickers(table, column) {
    const place = new Map(group().series.map((series, n) => [series.name, n]));
    if (data.groups.length > 1) return;
    for (const row of table.tBodies[0].rows) {
      const cell = row.cells[column], name = cell.textContent;
      if (!place.has(name)) continue;
      row.dataset.teacher = name;
      const button = element("button", { type: "button", class: "pick" }, name);
      button.addEventListener("click", () => {
        const off = state.teacher === place.get(name);
        choose(off ? null : place.get(name));
        const found = at(group().molecules ? "molecules-section" : "chart-section");
        if (!off) found.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
      });
      cell.replaceChildren(button);
    }
  }
  function tips() {
    const tip = at("tip");
    const hide = () => { tip.hidden = true; };
    for (const button of document.querySelectorAll(".sort[aria-describedby]")) {
      const show = () => {
        tip.textContent = at(button.getAttribute("aria-describedby")).textContent;
        tip.hidden = false;
        const box = button.getBoundingClientRect(), own = tip.getBoundingClientRect();
        tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - own.width - 8))}px`;
        tip.style.top = `${box.top - own.height - 6 > 0 ? box.top - own.height - 6 : box.bottom + 6}px`;
      };
      button.addEventListener("mouseenter", show);
      button.addEventListener("focus", show);
      button.addEventListener("mouseleave", hide);
      button.addEventListener("blur", hide);
    }
    addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    addEventListener("scroll", hide, { passive: true, capture: true });
  }

  // The rest ------------------------------------------------------------------------------------
  function theme() {
    const ways = ["auto", "light", "dark"];
    at("theme").addEventListener("click", () => {
      const way = ways[(ways.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % 3];
      if (way === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = way;
      at("theme").textContent = `Theme: ${way}`;
    });
  }
  function copying() {
    at("copy")?.addEventListener("click", async () => {
      const text = at("command").textContent;
      try {
        await navigator.clipboard.writeText(text);
        at("copied").textContent = "Copied.";
      } catch {
        getSelection().selectAllChildren(at("command"));
        at("copied").textContent = "The browser does not let pages copy: it is selected, press Ctrl+C.";
      }
    });
  }
  function choosing() {
    const chosen = [...document.querySelectorAll("select[data-chooses]")];
    const show = () => {
      for (const each of document.querySelectorAll("[data-choice]")) {
        each.hidden = !chosen.every((select) => select.value === "" || each.dataset[select.dataset.chooses] === select.value);
      }
    };
    for (const select of chosen) select.addEventListener("change", show);
    show();
  }
  function charts() {
    at("group").replaceChildren(...data.groups.map((each, n) => element("option", { value: String(n) }, each.title)));
    at("group-label").hidden = data.groups.length < 2;
    at("group").addEventListener("change", () => chooseGroup(Number(at("group").value)));
    at("teacher").addEventListener("change", () => choose(Number(at("teacher").value)));
  }
  async function start() {
    if (data.groups.length) charts();
    choosing();
    tables();
    tips();
    theme();
    copying();
    addEventListener("beforeprint", () => { for (const each of document.querySelectorAll("details")) each.open = true; });
    if (data.groups.length) await chooseGroup(0);
    if (data.ratios) await embed("ratios", ratiosSpec(), (n) => chooseGroup(n));
    document.documentElement.dataset.ready = "true";
    performance.mark("ready");
  }
  start();
})();
