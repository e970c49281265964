// How recognition areas and motion masks look on the picture: by colour, and without it by hatching, corners and a label.

import { label } from "/static/height_boxes.js";

const EXCLUDED = "#e0202066";
const CHOSEN = "#ffe14d";
// Masks are hatched: light lines on dark ones are seen on any ground.
const HATCH_PX = 18;
const HATCH_GROUND = "#0b0e1299";
const LABEL_PX = 19;
// A title in a smaller mask would hide the hatching.
const ROOMY_PX = [90, 44];

// Every kind of polygon there is, by the name of its setting.
const LOOKS = {
  areas: { title: "Area", colour: "#ff5a4d", hatched: false, square: false },
  masks: { title: "Mask", colour: "#cda6ff", hatched: true, square: true },
};
export const KINDS = Object.keys(LOOKS);

export class PolygonDrawing {
  constructor() {
    this.veil = document.createElement("canvas");
  }

  // `all` is the polygons of each kind; `kind` the one in work: it lies on top, with its corners where `mayEdit`.
  draw(context, view, { all, kind, chosen, drawing, mayEdit }) {
    this.#drawExcluded(context, view, all.areas);
    for (const one of [...KINDS.filter((other) => other !== kind), kind]) {
      const inWork = one === kind;
      all[one].forEach((points, at) => {
        const mine = inWork && chosen?.polygon === at;
        drawPolygon(context, view, points, LOOKS[one], { chosen: mine, width: inWork ? 2 : 1.5 });
        if (inWork && mayEdit) drawCorners(context, view, points, LOOKS[one], mine ? chosen : null);
      });
    }
    if (drawing) drawBegun(context, view, drawing);
  }

  // Which is which, above all else.
  drawTitles(context, view, all) {
    for (const kind of KINDS) {
      all[kind].forEach((points, at) => drawTitle(context, view, points, LOOKS[kind], `${LOOKS[kind].title} ${at + 1}`));
    }
  }

  // Everything outside the areas is red: plates there are not recognised.
  #drawExcluded(context, view, areas) {
    if (!areas.length) return;
    const { width, height } = view.size;
    this.veil.width = width;
    this.veil.height = height;
    const veil = this.veil.getContext("2d");
    veil.fillStyle = EXCLUDED;
    veil.fillRect(0, 0, width, height);
    veil.globalCompositeOperation = "destination-out";
    veil.fillStyle = "#000";
    for (const points of areas) {
      trace(veil, view, points);
      veil.fill();
    }
    context.drawImage(this.veil, 0, 0, width, height);
  }
}

function drawPolygon(context, view, points, look, { chosen, width }) {
  if (look.hatched) hatch(context, view, points, look.colour);
  context.lineWidth = width;
  context.strokeStyle = chosen ? CHOSEN : look.colour;
  trace(context, view, points);
  context.stroke();
}

function hatch(context, view, points, colour) {
  const { left, top, right, bottom } = visible(view, points);
  if (left >= right || top >= bottom) return;
  context.save();
  trace(context, view, points);
  context.clip();
  context.beginPath();
  const height = bottom - top;
  for (let x = Math.floor((left - height) / HATCH_PX) * HATCH_PX; x < right; x += HATCH_PX) {
    context.moveTo(x, bottom);
    context.lineTo(x + height, top);
  }
  for (const [style, width] of [[HATCH_GROUND, 4], [colour, 1.5]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke();
  }
  context.restore();
}

function drawCorners(context, view, points, look, chosen) {
  context.strokeStyle = chosen ? CHOSEN : look.colour;
  context.lineWidth = 2;
  points.forEach((point, corner) => {
    const [x, y] = view.toScreen(point);
    const held = chosen?.corner === corner;
    const reach = held ? 7 : 5;
    context.beginPath();
    if (look.square) context.rect(x - reach, y - reach, 2 * reach, 2 * reach);
    else context.arc(x, y, reach, 0, 2 * Math.PI);
    context.fillStyle = held ? CHOSEN : "#fff";
    context.fill();
    context.stroke();
  });
}

// Above an area, where no plate is, and in the middle of a mask; below a small one.
function drawTitle(context, view, points, look, text) {
  const { left, top, right, bottom } = visible(view, points);
  if (left >= right || top >= bottom) return;
  if (!look.hatched) {
    label(context, text, left, top - LABEL_PX, look.colour);
  } else if (right - left > ROOMY_PX[0] && bottom - top > ROOMY_PX[1]) {
    label(context, text, (left + right - ROOMY_PX[0] / 2) / 2, (top + bottom) / 2, look.colour);
  } else {
    label(context, text, left, bottom + LABEL_PX, look.colour);
  }
}

function drawBegun(context, view, { points, cursor }) {
  context.lineWidth = 2;
  context.strokeStyle = context.fillStyle = CHOSEN;
  context.setLineDash([6, 4]);
  context.beginPath();
  [...points, cursor].forEach((point) => context.lineTo(...view.toScreen(point)));
  context.stroke();
  context.setLineDash([]);
  for (const point of points) {
    const [x, y] = view.toScreen(point);
    context.fillRect(x - 4, y - 4, 8, 8);
  }
  const [x, y] = view.toScreen(cursor);
  context.strokeRect(x - 8, y, 16, 0);
  context.strokeRect(x, y - 8, 0, 16);
}

// The part of the screen that a polygon reaches; empty where it is out of sight.
function visible(view, points) {
  const { width, height } = view.size;
  const places = points.map((point) => view.toScreen(point));
  const [across, down] = [places.map(([x]) => x), places.map(([, y]) => y)];
  return {
    left: Math.max(0, Math.min(...across)),
    top: Math.max(0, Math.min(...down)),
    right: Math.min(width, Math.max(...across)),
    bottom: Math.min(height, Math.max(...down)),
  };
}

function trace(context, view, points) {
  context.beginPath();
  points.forEach((point) => context.lineTo(...view.toScreen(point)));
  context.closePath();
}
