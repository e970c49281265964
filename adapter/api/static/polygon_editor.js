// Draws and changes recognition areas, motion masks and the character heights on a picture of the camera, by mouse, touch
// or keys. One kind of polygon is in work at a time; the other is shown and stays as it is.

import { FoundBoxes } from "/static/found_boxes.js";
import { HeightBoxes } from "/static/height_boxes.js";
import { PictureView } from "/static/picture_view.js";
import { KINDS, PolygonDrawing } from "/static/polygon_drawing.js";
import * as shapes from "/static/polygons.js";

const CORNER_PX = 10;
const EDGE_PX = 7;
const DRAG_PX = 5;
const STEP = 0.005;
const ZOOM_STEP = 1.4;

export class PolygonEditor {
  // `onPolygons(kind, polygons)` and `onHeight("min" or "max", percent)` tell each finished change; `onMode()` what may
  // be done now. `most` is how many `polygons` there may be of a kind, and how many `points` in one.
  constructor(canvas, { most, onPolygons, onHeight, onMode }) {
    this.canvas = canvas;
    this.most = most;
    this.onPolygons = onPolygons;
    this.onHeight = onHeight;
    this.onMode = onMode;
    this.mayEdit = false;
    this.kind = KINDS[0];
    this.all = Object.fromEntries(KINDS.map((kind) => [kind, []]));
    this.heights = new HeightBoxes();
    this.found = new FoundBoxes();
    this.drawn = new PolygonDrawing();
    this.chosen = null;
    this.drawing = null;
    this.drag = null;
    this.view = new PictureView(canvas, (context) => this.#draw(context));
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => (this.drag = null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  // Those in work.
  get polygons() {
    return this.all[this.kind];
  }

  set polygons(polygons) {
    this.all = { ...this.all, [this.kind]: polygons };
  }

  // The polygons of each kind. What is in the hand stays there: it is told when it is let go.
  setPolygons(all) {
    if (this.drag?.corner) return;
    this.all = all;
    if (this.chosen && !(this.polygons[this.chosen.polygon]?.length > (this.chosen.corner ?? 0))) this.chosen = null;
    this.#changed();
  }

  setHeights(min, max) {
    if (this.drag?.kind) return; // a field must not take the box out of the hand
    this.heights.percent = { min, max };
    this.view.redraw();
  }

  setFound(found) {
    this.found.set(found);
    this.view.redraw();
  }

  // The kind that is drawn and changed from now on; what was begun of the other is given up.
  edit(kind) {
    if (kind === this.kind || this.drag) return;
    this.kind = kind;
    this.chosen = null;
    this.drawing = null;
    this.#changed();
  }

  startDrawing() {
    if (this.polygons.length >= this.most.polygons) return;
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
    const left = shapes.withoutCorner(this.polygons, this.chosen);
    const gone = left.length < this.polygons.length;
    const chosen = gone ? null : { polygon: this.chosen.polygon, corner: Math.max(0, this.chosen.corner - 1) };
    this.#tell(left, chosen);
  }

  removePolygon() {
    if (this.chosen) this.#tell(shapes.withoutPolygon(this.polygons, this.chosen), null);
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

  #tell(polygons, chosen) {
    this.polygons = polygons;
    this.chosen = chosen;
    this.#changed();
    this.onPolygons(this.kind, polygons);
  }

  #close() {
    const { points } = this.drawing;
    if (points.length < 3) return;
    this.drawing = null;
    this.#tell(shapes.withPolygon(this.polygons, points), { polygon: this.polygons.length, corner: null });
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
    const corner = shapes.cornerNear(this.polygons, [x, y], CORNER_PX, project);
    const box = this.heights.hit(x, y, this.view);
    if (box && !(corner && box.part === "box")) {
      this.drag = { ...this.drag, ...box };
    } else if (corner) {
      this.chosen = corner;
      this.drag.corner = corner;
    } else {
      this.#takeEdge(shapes.edgeNear(this.polygons, [x, y], EDGE_PX, project), this.view.toShare(x, y));
    }
    this.#changed();
  }

  // An edge gives a new corner, unless its polygon has as many as it may.
  #takeEdge(edge, point) {
    if (!edge) {
      this.chosen = shapes.polygonAround(this.polygons, point);
    } else if (this.polygons[edge.polygon].length >= this.most.points) {
      this.chosen = { polygon: edge.polygon, corner: null };
    } else {
      this.polygons = shapes.withNewCorner(this.polygons, edge, point);
      this.chosen = this.drag.corner = { polygon: edge.polygon, corner: edge.corner + 1 };
      this.drag.added = true;
    }
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
      this.polygons = shapes.withCorner(this.polygons, this.drag.corner, this.view.toShare(x, y));
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
    else if (drag.corner && (drag.moved || drag.added)) this.#tell(this.polygons, this.chosen);
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
    if (!again && points.length < this.most.points) points.push(this.view.toShare(x, y));
    this.#changed();
  }

  #hover(x, y) {
    let cursor = this.view.zoom > 1 ? "grab" : "default";
    if (this.drawing) cursor = "crosshair";
    else if (this.mayEdit) {
      const project = (point) => this.view.toScreen(point);
      const box = this.heights.hit(x, y, this.view);
      if (box) cursor = box.part === "box" ? "move" : "ns-resize";
      else if (shapes.cornerNear(this.polygons, [x, y], CORNER_PX, project)) cursor = "move";
      else if (shapes.edgeNear(this.polygons, [x, y], EDGE_PX, project)) cursor = "copy";
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
    const add = () => points.length < this.most.points && points.push(cursor);
    const back = () => points.pop();
    const drawn = (change) => () => {
      change();
      this.#changed();
    };
    return { " ": drawn(add), Backspace: drawn(back), Delete: drawn(back), Enter: () => this.#close(), Escape: () => this.stopDrawing() };
  }

  #editingKeys() {
    const remove = () => (this.chosen?.corner === null ? this.removePolygon() : this.removeCorner());
    const escape = () => {
      this.chosen = null;
      this.#changed();
    };
    const [n, p] = [() => this.#next(1), () => this.#next(-1)];
    const other = () => this.edit(KINDS[(KINDS.indexOf(this.kind) + 1) % KINDS.length]);
    return { Delete: remove, Backspace: remove, Escape: escape, n, p, d: () => this.startDrawing(), m: other };
  }

  #nudge([dx, dy]) {
    const moved = ([x, y]) => [Math.min(1, Math.max(0, x + dx)), Math.min(1, Math.max(0, y + dy))];
    if (this.drawing) {
      this.drawing.cursor = moved(this.drawing.cursor);
      this.view.redraw();
    } else if (this.chosen && this.chosen.corner !== null) {
      const point = this.polygons[this.chosen.polygon][this.chosen.corner];
      this.#tell(shapes.withCorner(this.polygons, this.chosen, moved(point)), this.chosen);
    }
  }

  // The corners of all polygons in work, one after the other.
  #next(by) {
    const all = this.polygons.flatMap((points, polygon) => points.map((_, corner) => ({ polygon, corner })));
    if (!all.length) return;
    const now = all.findIndex((one) => one.polygon === this.chosen?.polygon && one.corner === this.chosen?.corner);
    this.chosen = all[now < 0 ? 0 : (now + by + all.length) % all.length];
    this.#changed();
  }

  // -- drawing ---------------------------------------------------------------------------------------------------

  #draw(context) {
    this.drawn.draw(context, this.view, this);
    this.found.draw(context, this.view);
    this.heights.draw(context, this.view);
    this.drawn.drawTitles(context, this.view, this.all);
  }
}
