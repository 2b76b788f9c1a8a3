"use strict";
(() => {
  const one = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const rows = all(".ranking tbody tr");
  const form = one("filters");

  // Colours: the system's, unless another choice is kept.
  const stored = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("metabench-theme") || "";
      localStorage.setItem("metabench-theme", value);
    } catch { /* no storage here: the choice lasts as long as the page */ }
    return value || "";
  };
  const paint = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  const kept = ["light", "dark"].includes(stored()) ? stored() : "";
  paint(kept);
  one("theme").value = kept;
  one("theme").addEventListener("change", (event) => {
    paint(event.target.value);
    stored(event.target.value);
  });

  // Sorting: numbers by size, texts by letters, cells without a value last.
  const compare = (a, b, turn) => {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    const [x, y] = [Number(a), Number(b)];
    const numbers = a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y);
    return turn * (numbers ? x - y : a.localeCompare(b));
  };
  const sort = (head) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    const table = head.closest("table");
    const column = head.cellIndex;
    for (const other of all("thead th[aria-sort]", table)) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => row.cells[column].dataset.v;
    const sorted = [...table.tBodies[0].rows]
      .sort((a, b) => compare(value(a), value(b), down ? -1 : 1));
    table.tBodies[0].append(...sorted);
  };
  for (const button of all(".ranking thead button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }

  // Filters: an entry is shown if it meets all of them; a reference if its board shows an entry.
  const details = new Map(all("[data-of]").map((part) => [part.dataset.of, part]));
  const links = new Map(all("nav [data-board]").map((link) => [link.dataset.board, link]));
  const choices = ["transductive", "training", "extra", "status"];
  const fits = (row, words) => {
    const data = row.dataset;
    const size = one("f-size").value;
    return words.every((word) => data.search.includes(word))
      && choices.every((name) => ["", data[name]].includes(one(`f-${name}`).value))
      && (size === "" || (data.parameters !== undefined && +data.parameters <= +size));
  };
  const filter = () => {
    const words = one("f-search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const track = one("f-track").value;
    let [entries, boards] = [0, 0];
    for (const board of all(".board")) {
      const own = all(".ranking tbody tr", board);
      const real = own.filter((row) => row.dataset.reference === undefined);
      let shown = 0;
      for (const row of real) {
        row.hidden = !(["", board.dataset.track].includes(track) && fits(row, words));
        const part = details.get(row.dataset.id);
        if (part) part.hidden = row.hidden;
        shown += !row.hidden;
      }
      for (const row of own) if (!real.includes(row)) row.hidden = shown === 0;
      board.hidden = shown === 0;
      links.get(board.id).hidden = board.hidden;
      entries += shown;
      boards += shown > 0;
    }
    for (const part of all(".track")) part.hidden = all(".board:not([hidden])", part).length === 0;
    one("nothing").hidden = entries > 0;
    one("found").textContent = `${entries} of ${total} entries on ${boards} boards`;
  };
  const total = rows.filter((row) => row.dataset.reference === undefined).length;
  let waiting;
  one("f-search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  form.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    one("theme").value = document.documentElement.dataset.theme || "";
    filter();
  }));
  one("all").addEventListener("click", () => {
    form.reset();
    one("f-search").focus();
  });

  // A link to an entry opens what it lies in.
  const open = () => {
    const target = one(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.matches(".entry")) return;
    for (let part = target; part; part = part.parentElement.closest("details")) part.open = true;
    target.querySelector("summary").focus({ preventScroll: true });
    target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  for (const link of all('.ranking a[href^="#"]')) {
    link.addEventListener("click", () => setTimeout(open));
  }

  for (const button of all(".copy")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.previousElementSibling.textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Select the text to copy it";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  const wide = matchMedia("(min-width: 75rem)");
  one("contents").open = wide.matches;
  one("more").open = matchMedia("(min-width: 40rem)").matches;
  wide.addEventListener("change", () => { one("contents").open = wide.matches; });
  form.hidden = false;
  filter();
  open();
})();
