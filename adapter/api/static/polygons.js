// Lists of polygons (recognition areas, motion masks): what is near a place, and copies with one thing changed. No
// drawing here. A corner is named by its `polygon` and its `corner`, both numbers; a whole polygon has the corner null.

const rounded = ([x, y]) => [Math.round(x * 1e4) / 1e4, Math.round(y * 1e4) / 1e4];
const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

// The corner within `reach` of `place`; `project` says where a point is shown.
export function cornerNear(polygons, place, reach, project) {
  let best = null;
  polygons.forEach((points, polygon) =>
    points.forEach((point, corner) => {
      const away = distance(project(point), place);
      if (away <= reach && (!best || away < best.away)) best = { polygon, corner, away };
    }),
  );
  return best && { polygon: best.polygon, corner: best.corner };
}

// The edge within `reach`, named by the corner before it.
export function edgeNear(polygons, place, reach, project) {
  for (const [polygon, points] of polygons.entries()) {
    for (const corner of points.keys()) {
      const from = project(points[corner]);
      const to = project(points[(corner + 1) % points.length]);
      const length = distance(from, to) ** 2 || 1;
      const along = ((place[0] - from[0]) * (to[0] - from[0]) + (place[1] - from[1]) * (to[1] - from[1])) / length;
      if (along < 0 || along > 1) continue;
      const foot = [from[0] + along * (to[0] - from[0]), from[1] + along * (to[1] - from[1])];
      if (distance(foot, place) <= reach) return { polygon, corner };
    }
  }
  return null;
}

export function polygonAround(polygons, [x, y]) {
  const holds = (points) =>
    points.reduce((inside, [ax, ay], corner) => {
      const [bx, by] = points[(corner + 1) % points.length];
      return ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax ? !inside : inside;
    }, false);
  const at = polygons.findIndex(holds);
  return at < 0 ? null : { polygon: at, corner: null };
}

const replaced = (polygons, at, points) => polygons.map((one, place) => (place === at ? points : one));

export const withCorner = (polygons, { polygon, corner }, point) =>
  replaced(polygons, polygon, polygons[polygon].map((one, place) => (place === corner ? rounded(point) : one)));

export const withNewCorner = (polygons, { polygon, corner }, point) =>
  replaced(polygons, polygon, polygons[polygon].toSpliced(corner + 1, 0, rounded(point)));

// Three corners are the fewest: a triangle that loses one is gone.
export const withoutCorner = (polygons, { polygon, corner }) =>
  polygons[polygon].length > 3
    ? replaced(polygons, polygon, polygons[polygon].toSpliced(corner, 1))
    : polygons.toSpliced(polygon, 1);

export const withoutPolygon = (polygons, { polygon }) => polygons.toSpliced(polygon, 1);

export const withPolygon = (polygons, points) => [...polygons, points.map(rounded)];

export const rectangle = ([ax, ay], [bx, by]) => {
  const [left, right] = [Math.min(ax, bx), Math.max(ax, bx)];
  const [top, bottom] = [Math.min(ay, by), Math.max(ay, by)];
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
};
