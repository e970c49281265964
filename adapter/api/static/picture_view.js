// A picture on a canvas that zooms around the pointer. Places are shares of the picture, 0 to 1 from the top left.

const MOST_ZOOM = 12;
const WHEEL = 0.0016; // one notch of a usual wheel is a sixth more or less

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

export class PictureView {
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.bitmap = null;
    this.zoom = 1;
    this.left = 0;
    this.top = 0;
    this.onDraw = draw;
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  get size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  // The height of the whole picture on the screen, in CSS pixels.
  get pictureHeight() {
    return this.size.height * this.zoom;
  }

  show(bitmap) {
    this.bitmap = bitmap;
    if (bitmap) {
      this.canvas.style.aspectRatio = `${bitmap.width} / ${bitmap.height}`;
      // The whole picture and its buttons fit into a window; an upright one would be higher than any.
      this.canvas.style.maxWidth = `calc(72vh * ${bitmap.width / bitmap.height})`;
    }
    this.fit();
  }

  fit() {
    this.zoom = 1;
    this.left = this.top = 0;
    this.redraw();
  }

  toScreen([x, y]) {
    const { width, height } = this.size;
    return [(x * width - this.left) * this.zoom, (y * height - this.top) * this.zoom];
  }

  toShare(x, y) {
    const { width, height } = this.size;
    return [clamp((x / this.zoom + this.left) / width, 0, 1), clamp((y / this.zoom + this.top) / height, 0, 1)];
  }

  // What lies at (x, y) on the screen stays there.
  zoomAt(factor, x = this.size.width / 2, y = this.size.height / 2) {
    const before = this.zoom;
    this.zoom = clamp(before * factor, 1, MOST_ZOOM);
    this.left += x / before - x / this.zoom;
    this.top += y / before - y / this.zoom;
    this.#keepInside();
  }

  pan(dx, dy) {
    this.left -= dx / this.zoom;
    this.top -= dy / this.zoom;
    this.#keepInside();
  }

  redraw() {
    const { width, height } = this.size;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (this.bitmap) {
      const [x, y] = this.toScreen([0, 0]);
      this.context.drawImage(this.bitmap, x, y, width * this.zoom, height * this.zoom);
    }
    this.onDraw(this.context, this);
  }

  #keepInside() {
    const { width, height } = this.size;
    this.left = clamp(this.left, 0, width - width / this.zoom);
    this.top = clamp(this.top, 0, height - height / this.zoom);
    this.redraw();
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
    this.zoomAt(Math.exp(-event.deltaY * lines * WHEEL), event.offsetX, event.offsetY);
  }
}
