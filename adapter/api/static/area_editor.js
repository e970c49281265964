// Draws and changes the recognition area and the character heights on a picture of the camera, by mouse, touch or keys.

import * as shapes from "/static/area_shapes.js";
import { HeightBoxes, label } from "/static/height_boxes.js";
import { PictureView } from "/static/picture_view.js";

const CORNER_PX = 10;
const EDGE_PX = 7;
const DRAG_PX = 5;
const STEP = 0.005;
const EXCLUDED = "#e0202066";
const LINE = "#ff5a4d";
const CHOSEN = "#ffe14d";
const READ = "#4be38a";
const REFUSED = "#ffb020";
const ZOOM_STEP = 1.4;

export class AreaEditor {
  // `onAreas(areas)` and `onHeight("min" or "max", percent)` tell each finished change; `onMode()` what may be done now.
  constructor(canvas, { onAreas, onHeight, onMode }) {
    this.canvas = canvas;
    this.onAreas = onAreas;
    this.onHeight = onHeight;
    this.onMode = onMode;
    this.mayEdit = false;
    this.areas = [];
    this.heights = new HeightBoxes();
    this.found = { candidates: [], refused: [], width_px: 1, height_px: 1 };
    this.chosen = null;
    this.drawing = null;
    this.drag = null;
    this.view = new PictureView(canvas, (context) => this.#draw(context));
    this.mask = document.createElement("canvas");
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => (this.drag = null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  // What is in the hand stays there: it is told when it is let go.
  setAreas(areas) {
    if (this.drag?.corner) return;
    this.areas = areas;
    if (this.chosen && !(this.areas[this.chosen.area]?.length > (this.chosen.corner ?? 0))) this.chosen = null;
    this.#changed();
  }

  setHeights(min, max) {
    if (this.drag?.kind) return; // a field must not take the box out of the hand
    this.heights.percent = { min, max };
    this.view.redraw();
  }

  setFound(found) {
    this.found = found ?? { candidates: [], refused: [], width_px: 1, height_px: 1 };
    this.view.redraw();
  }

  startDrawing() {
    if (this.areas.length >= shapes.MOST_AREAS) return;
    this.drawing = { points: [], cursor: [0.5, 0.5] };
    this.chosen = null;
    this.#changed();
  }

  stopDrawing() {
    this.drawing = null;
    this.#changed();
  }

  removeCorner() {
    if (this.chosen === null || this.chosen.corner === null) return;
    const left = shapes.withoutCorner(this.areas, this.chosen);
    const gone = left.length < this.areas.length;
    const chosen = gone ? null : { area: this.chosen.area, corner: Math.max(0, this.chosen.corner - 1) };
    this.#tell(left, chosen);
  }

  removeArea() {
    if (this.chosen) this.#tell(shapes.withoutArea(this.areas, this.chosen), null);
  }

  clear() {
    this.drawing = null;
    this.#tell([], null);
  }

  zoom(inwards) {
    this.view.zoomAt(inwards ? ZOOM_STEP : 1 / ZOOM_STEP);
  }

  #changed() {
    this.view.redraw();
    this.onMode();
  }

  #tell(areas, chosen) {
    this.areas = areas;
    this.chosen = chosen;
    this.#changed();
    this.onAreas(areas);
  }

  #close() {
    const { points } = this.drawing;
    if (points.length < 3) return;
    this.drawing = null;
    this.#tell(shapes.withArea(this.areas, points), { area: this.areas.length, corner: null });
  }

  // -- pointer ---------------------------------------------------------------------------------------------------

  #down(event) {
    if (event.button !== 0) return;
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    const [x, y] = [event.offsetX, event.offsetY];
    this.drag = { from: [x, y], last: [x, y], moved: false };
    if (!this.mayEdit || this.drawing) return;
    const project = (point) => this.view.toScreen(point);
    const corner = shapes.cornerNear(this.areas, [x, y], CORNER_PX, project);
    const box = this.heights.hit(x, y, this.view);
    if (box && !(corner && box.part === "box")) {
      this.drag = { ...this.drag, ...box };
    } else if (corner) {
      this.chosen = corner;
      this.drag.corner = corner;
    } else {
      const edge = shapes.edgeNear(this.areas, [x, y], EDGE_PX, project);
      if (edge && this.areas[edge.area].length < shapes.MOST_POINTS) {
        this.areas = shapes.withNewCorner(this.areas, edge, this.view.toShare(x, y));
        this.chosen = this.drag.corner = { area: edge.area, corner: edge.corner + 1 };
        this.drag.added = true;
      } else {
        this.chosen = shapes.areaAround(this.areas, this.view.toShare(x, y));
      }
    }
    this.#changed();
  }

  #move(event) {
    const [x, y] = [event.offsetX, event.offsetY];
    if (this.drawing) {
      this.drawing.cursor = this.view.toShare(x, y);
      this.view.redraw();
    }
    if (!this.drag) return this.#hover(x, y);
    const { from, last } = this.drag;
    if (Math.hypot(x - from[0], y - from[1]) > DRAG_PX) this.drag.moved = true;
    if (!this.drag.moved) return;
    if (this.drag.kind) {
      if (this.drag.part === "box") this.heights.move(this.drag, x, y, this.view);
      else this.onHeight(this.drag.kind, this.heights.stretch(this.drag, y, this.view));
    } else if (this.drag.corner) {
      this.areas = shapes.withCorner(this.areas, this.drag.corner, this.view.toShare(x, y));
    } else if (!this.drawing) {
      this.view.pan(x - last[0], y - last[1]);
    }
    this.drag.last = [x, y];
    this.view.redraw();
  }

  #up(event) {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    const [x, y] = [event.offsetX, event.offsetY];
    if (this.drawing) this.#addPoint(drag, x, y);
    else if (drag.corner && (drag.moved || drag.added)) this.#tell(this.areas, this.chosen);
    else this.#changed();
  }

  // A press is a corner; a drag before the first corner is a whole rectangle.
  #addPoint(drag, x, y) {
    const { points } = this.drawing;
    if (!points.length && drag.moved) {
      this.drawing.points = shapes.rectangle(this.view.toShare(...drag.from), this.view.toShare(x, y));
      return this.#close();
    }
    const ends = [points[0], points.at(-1)].filter(Boolean);
    const again = shapes.cornerNear([ends], [x, y], CORNER_PX, (point) => this.view.toScreen(point));
    if (again && points.length >= 3) return this.#close();
    if (!again && points.length < shapes.MOST_POINTS) points.push(this.view.toShare(x, y));
    this.#changed();
  }

  #hover(x, y) {
    let cursor = this.view.zoom > 1 ? "grab" : "default";
    if (this.drawing) cursor = "crosshair";
    else if (this.mayEdit) {
      const project = (point) => this.view.toScreen(point);
      const box = this.heights.hit(x, y, this.view);
      if (box) cursor = box.part === "box" ? "move" : "ns-resize";
      else if (shapes.cornerNear(this.areas, [x, y], CORNER_PX, project)) cursor = "move";
      else if (shapes.edgeNear(this.areas, [x, y], EDGE_PX, project)) cursor = "copy";
    }
    this.canvas.style.cursor = cursor;
  }

  // -- keys ------------------------------------------------------------------------------------------------------

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = event.shiftKey ? STEP * 5 : STEP;
    const by = arrows[event.key]?.map((one) => one * step);
    const commands = {
      "+": () => this.zoom(true),
      "-": () => this.zoom(false),
      0: () => this.view.fit(),
      ...(this.drawing ? this.#drawingKeys() : this.mayEdit ? this.#editingKeys() : {}),
    };
    if (by && this.mayEdit) this.#nudge(by);
    else if (commands[event.key]) commands[event.key]();
    else return;
    event.preventDefault();
  }

  #drawingKeys() {
    const { points, cursor } = this.drawing;
    const add = () => points.length < shapes.MOST_POINTS && points.push(cursor);
    const back = () => points.pop();
    const drawn = (change) => () => {
      change();
      this.#changed();
    };
    return { " ": drawn(add), Backspace: drawn(back), Delete: drawn(back), Enter: () => this.#close(), Escape: () => this.stopDrawing() };
  }

  #editingKeys() {
    const remove = () => (this.chosen?.corner === null ? this.removeArea() : this.removeCorner());
    const escape = () => {
      this.chosen = null;
      this.#changed();
    };
    return { Delete: remove, Backspace: remove, Escape: escape, n: () => this.#next(1), p: () => this.#next(-1), d: () => this.startDrawing() };
  }

  #nudge([dx, dy]) {
    const moved = ([x, y]) => [Math.min(1, Math.max(0, x + dx)), Math.min(1, Math.max(0, y + dy))];
    if (this.drawing) {
      this.drawing.cursor = moved(this.drawing.cursor);
      this.view.redraw();
    } else if (this.chosen && this.chosen.corner !== null) {
      const point = this.areas[this.chosen.area][this.chosen.corner];
      this.#tell(shapes.withCorner(this.areas, this.chosen, moved(point)), this.chosen);
    }
  }

  // The corners of all areas, one after the other.
  #next(by) {
    const all = this.areas.flatMap((area, at) => area.map((_, corner) => ({ area: at, corner })));
    if (!all.length) return;
    const now = all.findIndex((one) => one.area === this.chosen?.area && one.corner === this.chosen?.corner);
    this.chosen = all[now < 0 ? 0 : (now + by + all.length) % all.length];
    this.#changed();
  }

  // -- drawing ---------------------------------------------------------------------------------------------------

  #draw(context) {
    this.#drawExcluded(context);
    this.areas.forEach((area, at) => this.#drawArea(context, area, at));
    if (this.drawing) this.#drawBegun(context);
    this.#drawFound(context);
    this.heights.draw(context, this.view);
  }

  // Everything outside the areas is red: plates there are not recognised.
  #drawExcluded(context) {
    if (!this.areas.length) return;
    const { width, height } = this.view.size;
    this.mask.width = width;
    this.mask.height = height;
    const mask = this.mask.getContext("2d");
    mask.fillStyle = EXCLUDED;
    mask.fillRect(0, 0, width, height);
    mask.globalCompositeOperation = "destination-out";
    mask.fillStyle = "#000";
    for (const area of this.areas) {
      this.#trace(mask, area);
      mask.fill();
    }
    context.drawImage(this.mask, 0, 0, width, height);
  }

  #drawArea(context, area, at) {
    const chosen = this.chosen?.area === at;
    context.lineWidth = 2;
    context.strokeStyle = chosen ? CHOSEN : LINE;
    this.#trace(context, area);
    context.stroke();
    if (!this.mayEdit) return;
    area.forEach((point, corner) => {
      const [x, y] = this.view.toScreen(point);
      context.beginPath();
      context.arc(x, y, chosen && this.chosen.corner === corner ? 7 : 5, 0, 2 * Math.PI);
      context.fillStyle = chosen && this.chosen.corner === corner ? CHOSEN : "#fff";
      context.fill();
      context.stroke();
    });
  }

  #drawBegun(context) {
    const { points, cursor } = this.drawing;
    context.lineWidth = 2;
    context.strokeStyle = context.fillStyle = CHOSEN;
    context.setLineDash([6, 4]);
    context.beginPath();
    [...points, cursor].forEach((point) => context.lineTo(...this.view.toScreen(point)));
    context.stroke();
    context.setLineDash([]);
    for (const point of points) {
      const [x, y] = this.view.toScreen(point);
      context.fillRect(x - 4, y - 4, 8, 8);
    }
    const [x, y] = this.view.toScreen(cursor);
    context.strokeRect(x - 8, y, 16, 0);
    context.strokeRect(x, y - 8, 0, 16);
  }

  #drawFound(context) {
    const box = ({ x, y, width, height }, colour, text) => {
      const [left, top] = this.view.toScreen([x / this.found.width_px, y / this.found.height_px]);
      const [right, bottom] = this.view.toScreen([(x + width) / this.found.width_px, (y + height) / this.found.height_px]);
      context.lineWidth = 2;
      context.strokeStyle = colour;
      context.strokeRect(left, top, right - left, bottom - top);
      label(context, text, left, bottom + 11, colour);
    };
    const refused = (text, why) => `${text} ${why}`.trim().replaceAll("_", " ");
    for (const one of this.found.refused) box(one.box, REFUSED, refused(one.text, one.reason));
    for (const one of this.found.candidates) {
      if (one.accepted) box(one.box, READ, one.text);
      else box(one.box, REFUSED, refused(one.text, "below_threshold"));
    }
  }

  #trace(context, area) {
    context.beginPath();
    area.forEach((point) => context.lineTo(...this.view.toScreen(point)));
    context.closePath();
  }
}
