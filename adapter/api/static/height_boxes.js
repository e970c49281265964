// The two boxes that show how high the smallest and the largest characters are; they are laid on a plate by hand.

import { clamp } from "/static/picture_view.js";

const LEAST = 0.2; // percent; the field takes less by typing
const STEP = 0.1;
const HANDLE_PX = 9;
// About seven characters and their gaps, in heights.
const WIDTH = 5;
// Cap height of the sans face that is drawn, as a share of its size.
const CAPS = 0.73;
// Where nothing is set, the box shows a size to begin with.
const GUESS = { min: 2, max: 8 };
const TITLES = { min: "Minimum", max: "Maximum" };
const COLOURS = { min: "#39c0ff", max: "#ffb020" };

export class HeightBoxes {
  constructor() {
    this.percent = { min: null, max: null };
    this.centre = { min: [0.3, 0.62], max: [0.68, 0.62] };
    this.shown = true;
  }

  of(kind) {
    return this.percent[kind] ?? GUESS[kind];
  }

  // On the screen, in CSS pixels.
  frame(kind, view) {
    const [x, y] = view.toScreen(this.centre[kind]);
    const height = (this.of(kind) / 100) * view.pictureHeight;
    return { left: x - (height * WIDTH) / 2, top: y - height / 2, width: height * WIDTH, height };
  }

  // What a pointer at (x, y) takes: an edge to change the height, or the box to move it.
  hit(x, y, view) {
    if (!this.shown) return null;
    for (const kind of ["min", "max"]) {
      const { left, top, width, height } = this.frame(kind, view);
      const middle = left + width / 2;
      const near = (edge) => Math.abs(x - middle) <= HANDLE_PX && Math.abs(y - edge) <= HANDLE_PX;
      // A small box's handles would overlap: the nearer one counts.
      const edges = [["top", top, -HANDLE_PX / 2], ["bottom", top + height, HANDLE_PX / 2]];
      edges.sort((a, b) => Math.abs(y - a[1] - a[2]) - Math.abs(y - b[1] - b[2]));
      const [part, edge, out] = edges[0];
      if (near(edge + out)) return { kind, part, grip: [0, y - edge] };
      const inside = x >= left && x <= left + width && y >= top && y <= top + height;
      if (inside) return { kind, part: "box", grip: [x - middle, y - (top + height / 2)] };
    }
    return null;
  }

  move({ kind, grip }, x, y, view) {
    this.centre[kind] = view.toShare(x - grip[0], y - grip[1]);
  }

  // The edge follows the pointer, the other edge stays; minimum and maximum never pass each other.
  stretch({ kind, part, grip }, y, view) {
    const { top, height } = this.frame(kind, view);
    const edge = y - grip[1];
    const wanted = part === "top" ? top + height - edge : edge - top;
    const low = kind === "max" && this.percent.min !== null ? this.percent.min + STEP : LEAST;
    const high = kind === "min" && this.percent.max !== null ? this.percent.max - STEP : 100;
    const percent = clamp(Math.round((wanted / view.pictureHeight) * 1000) / 10, low, high);
    const grown = ((percent / 100) * view.pictureHeight - height) / 2;
    this.percent[kind] = Math.round(percent * 10) / 10;
    const [x, middle] = view.toScreen(this.centre[kind]);
    this.centre[kind] = view.toShare(x, middle + (part === "top" ? -grown : grown));
    return this.percent[kind];
  }

  draw(context, view) {
    if (!this.shown) return;
    for (const kind of ["min", "max"]) {
      const { left, top, width, height } = this.frame(kind, view);
      const known = this.percent[kind];
      context.save();
      context.strokeStyle = context.fillStyle = COLOURS[kind];
      context.lineWidth = 2;
      if (known === null) context.setLineDash([5, 4]);
      context.strokeRect(left, top, width, height);
      context.setLineDash([]);
      context.globalAlpha = 0.55;
      if (height > 6) {
        context.font = `700 ${height / CAPS}px "DejaVu Sans", sans-serif`;
        context.textAlign = "center";
        context.textBaseline = "alphabetic";
        context.fillText("AB12CD", left + width / 2, top + height, width);
      }
      context.globalAlpha = 1;
      for (const edge of [top - HANDLE_PX, top + height]) {
        context.fillRect(left + width / 2 - HANDLE_PX / 2, edge, HANDLE_PX, HANDLE_PX);
      }
      const text = known === null ? `${TITLES[kind]} not set` : `${TITLES[kind]} ${known} %`;
      label(context, text, left, top - HANDLE_PX - 4, COLOURS[kind]);
      context.restore();
    }
  }
}

// A text on a plate of its own, readable on any picture.
export function label(context, text, x, y, colour) {
  context.save();
  context.font = '600 12px system-ui, "DejaVu Sans", sans-serif';
  context.textAlign = "left";
  context.textBaseline = "middle";
  const width = context.measureText(text).width + 10;
  const left = clamp(x, 0, Math.max(0, context.canvas.clientWidth - width));
  const middle = clamp(y, 9, context.canvas.clientHeight - 9);
  context.fillStyle = "#0b0e12d9";
  context.fillRect(left, middle - 9, width, 18);
  context.fillStyle = colour;
  context.fillText(text, left + 5, middle);
  context.restore();
}
