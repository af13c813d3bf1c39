// What a person could not read or reach on the page that is shown; see legible.py.
(() => {
  const shown = (e) =>
    e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    !e.closest(".unseen, [aria-hidden=true], .maplibregl-control-container");
  const named = (e) =>
    e.tagName.toLowerCase() + (typeof e.className === "string" && e.className ? `.${e.className.trim().replace(/\s+/g, ".")}` : "");
  const where = (e) => (e.parentElement ? `${named(e.parentElement)} > ` : "") + named(e);
  const within = (r) => r.width > 0 && r.height > 0 && r.bottom > 0 && r.right > 0 && r.top < innerHeight && r.left < innerWidth;

  /** Elements with a text of their own that is on the screen, each with its first text. */
  function texts() {
    const found = new Map();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const e = node.parentElement;
      if (!node.data.trim() || !e || found.has(e) || e.closest("script, style, noscript, option, title") || !shown(e)) continue;
      const range = document.createRange();
      range.selectNode(node);
      if (within(range.getBoundingClientRect())) found.set(e, node.data.trim());
    }
    return found;
  }
  const told = (e, text) => `${where(e)}: ${text.slice(0, 40)}`;

  /** A computed colour as red, green, blue (0 to 255) and how much of it covers. */
  function rgba(text) {
    const n = (text.match(/[\d.]+(e-?\d+)?/g) ?? []).map(Number);
    if (text.startsWith("color(srgb")) return [n[0] * 255, n[1] * 255, n[2] * 255, n[3] ?? 1];
    return text.startsWith("rgb") ? [n[0], n[1], n[2], n[3] ?? 1] : null;
  }
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  /** WCAG's relative luminance. */
  function light(colour) {
    const [r, g, b] = colour.slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  /** What is behind an element's text; null where a picture or gradient is. */
  function ground(e) {
    const layers = [];
    let base = [255, 255, 255, 1];
    for (let p = e; p; p = p.parentElement) {
      const style = getComputedStyle(p);
      const colour = rgba(style.backgroundColor);
      if (style.backgroundImage !== "none" || !colour) return null;
      if (colour[3] === 1) {
        base = colour;
        break;
      }
      if (colour[3]) layers.push(colour);
    }
    return layers.reverse().reduce((under, colour) => over(colour, under), base);
  }

  function contrast() {
    const faults = [];
    for (const [e, text] of texts()) {
      if (e.closest(":disabled, [aria-disabled=true]")) continue;
      const style = getComputedStyle(e);
      const back = ground(e);
      const ink = rgba(style.color);
      if (!back || !ink) continue;
      for (let p = e; p; p = p.parentElement) ink[3] *= Number(getComputedStyle(p).opacity);
      const [a, b] = [light(over(ink, back)), light(back)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5) - 0.01) faults.push(`${ratio.toFixed(2)} to 1, ${told(e, text)}`);
    }
    return faults;
  }

  const PRESSED = "button, a[href], input, select, textarea, summary, [role=button], [role=separator], [role=tab]";
  function name() {
    const faults = [];
    for (const e of document.querySelectorAll(PRESSED)) {
      if (!shown(e) || e.type === "hidden") continue;
      const by = (e.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "");
      const labels = [...(e.labels ?? [])].map((label) => label.textContent);
      const own = /^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName) ? [] : [e.textContent, ...[...e.querySelectorAll("img")].map((img) => img.alt)];
      const all = [e.getAttribute("aria-label"), ...by, ...labels, ...own, e.title, e.placeholder];
      if (!all.some((one) => one?.trim())) faults.push(where(e));
    }
    for (const e of document.querySelectorAll("img")) if (shown(e) && !e.hasAttribute("alt")) faults.push(`no alt, ${where(e)}`);
    return faults;
  }

  /** By how many px an element stands beyond the nearest box that cuts it off, or that would have to be
   * scrolled sideways and is no table; text that ends in dots is meant to. */
  function beyond(e) {
    const text = document.createRange(); // a word too long for its box runs on beyond it
    text.selectNodeContents(e);
    const { left, right } = text.getBoundingClientRect();
    for (let p = e; p; p = p.parentElement) {
      const style = getComputedStyle(p);
      if (style.textOverflow === "ellipsis" || (style.webkitLineClamp || "none") !== "none") return 0;
      if (p.tagName === "DIALOG" || style.position === "fixed") break; // nothing around it cuts it off
      if (p === e || style.overflowX === "visible" || style.display === "contents") continue;
      const box = p.getBoundingClientRect();
      if (left >= box.right) return 0; // wrapped out of sight as a whole
      if (right > box.right + 1) return /auto|scroll/.test(style.overflowX) && e.closest("table, pre") ? 0 : right - box.right;
    }
    return right - innerWidth;
  }
  function cut() {
    const faults = [];
    const wider = document.documentElement.scrollWidth - innerWidth;
    if (wider > 1) faults.push(`the page is ${wider} px wider than the screen`);
    for (const [e, text] of texts()) {
      const style = getComputedStyle(e);
      if (beyond(e) > 1) faults.push(`beyond the edge, ${told(e, text)}`);
      if (style.display === "inline") continue;
      const runs = e.scrollWidth > e.clientWidth + 1;
      const dots = style.textOverflow === "ellipsis" || (style.webkitLineClamp || "none") !== "none";
      if (runs && /hidden|clip/.test(style.overflowX) && !dots) faults.push(`cut off, ${told(e, text)}`);
      if (runs && style.overflowX === "visible" && e.closest("button, .button, th, .tag")) faults.push(`runs over, ${told(e, text)}`);
    }
    return faults;
  }

  function words() {
    return [...texts()].filter(([, text]) => /\bundefined\b|\bNaN\b|\[object |^null$|Invalid Date/.test(text)).map(([e, text]) => told(e, text));
  }

  function targets(least) {
    const faults = [];
    for (const e of document.querySelectorAll(PRESSED)) {
      if (!shown(e) || e.disabled || e.closest("p")) continue;
      const near = /^(checkbox|radio|file)$/.test(e.type ?? "") ? (e.closest("label") ?? e) : e;
      const r = near.getBoundingClientRect();
      if (within(r) && Math.min(r.width, r.height) < least - 0.5) faults.push(`${Math.round(r.width)} x ${Math.round(r.height)}, ${told(e, e.textContent.trim())}`);
    }
    return faults;
  }

  /** The element that has the focus, where nothing on it or around it shows that. */
  function focus() {
    const e = document.activeElement;
    if (!e || e === document.body || e.tagName === "CANVAS") return "";
    const probe = document.createElement("i");
    probe.style.color = "var(--focus)";
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    for (let p = e, n = 0; p && n < 3; p = p.parentElement, n += 1) {
      const style = getComputedStyle(p);
      if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1.5) return "";
      if (n && style.borderTopColor === colour) return "";
    }
    return told(e, (e.textContent || e.getAttribute("aria-label") || "").trim());
  }
  return { contrast, name, cut, words, targets, focus };
})()
