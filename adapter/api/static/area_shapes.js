// Recognition areas as lists of polygons: what is near a place, and copies with one thing changed. No drawing here.

export const MOST_AREAS = 16;
export const MOST_POINTS = 64;

const rounded = ([x, y]) => [Math.round(x * 1e4) / 1e4, Math.round(y * 1e4) / 1e4];
const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

// The corner within `reach` of `place`; `project` says where a point is shown.
export function cornerNear(areas, place, reach, project) {
  let best = null;
  areas.forEach((area, at) =>
    area.forEach((point, corner) => {
      const away = distance(project(point), place);
      if (away <= reach && (!best || away < best.away)) best = { area: at, corner, away };
    }),
  );
  return best && { area: best.area, corner: best.corner };
}

// The edge within `reach`, named by the corner before it.
export function edgeNear(areas, place, reach, project) {
  for (const [at, area] of areas.entries()) {
    for (const corner of area.keys()) {
      const from = project(area[corner]);
      const to = project(area[(corner + 1) % area.length]);
      const length = distance(from, to) ** 2 || 1;
      const along = ((place[0] - from[0]) * (to[0] - from[0]) + (place[1] - from[1]) * (to[1] - from[1])) / length;
      if (along < 0 || along > 1) continue;
      const foot = [from[0] + along * (to[0] - from[0]), from[1] + along * (to[1] - from[1])];
      if (distance(foot, place) <= reach) return { area: at, corner };
    }
  }
  return null;
}

export function areaAround(areas, [x, y]) {
  const holds = (area) =>
    area.reduce((inside, [ax, ay], corner) => {
      const [bx, by] = area[(corner + 1) % area.length];
      return ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax ? !inside : inside;
    }, false);
  const at = areas.findIndex(holds);
  return at < 0 ? null : { area: at, corner: null };
}

const replaced = (areas, at, area) => areas.map((one, place) => (place === at ? area : one));

export const withCorner = (areas, { area, corner }, point) =>
  replaced(areas, area, areas[area].map((one, place) => (place === corner ? rounded(point) : one)));

export const withNewCorner = (areas, { area, corner }, point) =>
  replaced(areas, area, areas[area].toSpliced(corner + 1, 0, rounded(point)));

// Three corners are the fewest: a triangle that loses one is gone.
export const withoutCorner = (areas, { area, corner }) =>
  areas[area].length > 3 ? replaced(areas, area, areas[area].toSpliced(corner, 1)) : areas.toSpliced(area, 1);

export const withoutArea = (areas, { area }) => areas.toSpliced(area, 1);

export const withArea = (areas, points) => [...areas, points.map(rounded)];

export const rectangle = ([ax, ay], [bx, by]) => {
  const [left, right] = [Math.min(ax, bx), Math.max(ax, bx)];
  const [top, bottom] = [Math.min(ay, by), Math.max(ay, by)];
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
};
