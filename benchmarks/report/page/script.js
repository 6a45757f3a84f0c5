"use strict";
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

  // Theme: that of the system until the button says otherwise.
  const root = document.documentElement, button = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  const show = (theme) => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    button.textContent = `Colours: ${theme}`;
    button.dataset.now = theme;
  };
  let kept = null;
  try { kept = localStorage.getItem("theme"); } catch { /* not everywhere for files */ }
  show(themes.includes(kept) ? kept : "auto");
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(button.dataset.now) + 1) % themes.length];
    show(next);
    try { localStorage.setItem("theme", next); } catch { /* the page still shows it */ }
  });

  // Sorting: ascending, descending, as it was. What is missing stays at the end.
  for (const table of all("table.data")) {
    const body = table.tBodies[0], original = [...body.rows];
    const heads = all("th[aria-sort]", table);
    heads.forEach((head) => head.querySelector("button").addEventListener("click", () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")];
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", next);
      const column = Number(head.dataset.column), sign = next === "ascending" ? 1 : -1;
      const value = (row) => row.cells[column].dataset.v;
      const order = (one, two) => {
        const a = value(one), b = value(two);
        if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
        const difference = Number(a) - Number(b);
        return sign * (Number.isNaN(difference) ? a.localeCompare(b) : difference);
      };
      body.append(...(next === "none" ? original : [...original].sort(order)));
    }));
  }

  // Filters: rows that contain all words.
  const filter = (input) => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of document.getElementById(input.dataset.table).tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      count += !row.hidden;
    }
    input.parentElement.querySelector("output").textContent = words.length ? `${count} rows` : "";
  };
  all(".filter input").forEach((input) => input.addEventListener("input", () => filter(input)));

  // Tooltips of the heat map, by mouse, touch and arrow keys.
  const tip = document.getElementById("tip");
  let told = null;
  const hide = () => { tip.hidden = true; told = null; };
  const tell = (cell) => {
    told = cell;
    tip.textContent = cell.dataset.tip;
    tip.hidden = false;
    const box = cell.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const below = box.bottom + 6 + own.height < innerHeight;
    tip.style.left = `${Math.max(4, Math.min(box.left, innerWidth - own.width - 4))}px`;
    tip.style.top = `${Math.max(4, below ? box.bottom + 6 : box.top - own.height - 6)}px`;
  };
  for (const heat of all("table.heat")) {
    const cells = [...heat.tBodies[0].rows].map((row) => all("td", row));
    const move = (cell) => {
      all("td[tabindex='0']", heat).forEach((other) => { other.tabIndex = -1; });
      cell.tabIndex = 0;
      cell.focus();
    };
    cells.forEach((row, y) => row.forEach((cell, x) => {
      cell.addEventListener("mouseenter", () => tell(cell));
      cell.addEventListener("mouseleave", hide);
      cell.addEventListener("focus", () => tell(cell));
      cell.addEventListener("blur", hide);
      cell.addEventListener("click", () => { move(cell); tell(cell); });
      cell.addEventListener("dblclick", () => { location.hash = cell.dataset.runs; });
      cell.addEventListener("keydown", (event) => {
        const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
        if (event.key === "Escape") hide();
        else if (event.key === "Enter") location.hash = cell.dataset.runs;
        else if (step) {
          const next = cells[y + step[0]]?.[x + step[1]];
          if (next) move(next);
          event.preventDefault();
        }
      });
    }));
  }
  addEventListener("scroll", () => {
    if (!told) return;
    const box = told.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight) hide(); else tell(told);
  }, { passive: true, capture: true });

  // Records of experiments: kept compressed in the page, opened when one is asked for.
  let records = null;
  const load = async () => {
    if (!records) {
      const packed = Uint8Array.from(atob(document.getElementById("records").textContent.trim()), (c) => c.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
      records = JSON.parse(await new Response(stream).text());
    }
    return records;
  };
  const dialog = document.getElementById("record");
  const open = async (id) => {
    const record = (await load())[id];
    if (!record) return;
    dialog.querySelector("h3").textContent = id;
    dialog.querySelector("pre").textContent = JSON.stringify(record.result, null, 2);
    const link = dialog.querySelector("a");
    link.hidden = !record.link;
    if (record.link) link.href = record.link; else link.removeAttribute("href");
    if (!dialog.open) dialog.showModal();
  };
  dialog.addEventListener("close", () => {
    if (location.hash.startsWith("#experiment=")) history.replaceState(null, "", "#experiments");
  });
  dialog.querySelector("button").addEventListener("click", () => dialog.close());

  const follow = () => {
    const [kind, rest] = decodeURIComponent(location.hash.slice(1)).split(/=(.*)/s);
    if (kind === "experiment") open(rest);
    if (kind === "runs") {
      const input = document.querySelector("input[data-table='table-experiments']");
      input.value = rest;
      filter(input);
      document.getElementById("experiments").scrollIntoView();
      input.focus({ preventScroll: true });
    }
  };
  addEventListener("hashchange", follow);
  follow();
})();
