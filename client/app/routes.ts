/** The app's URLs. The server (server/app/page.ts) responds to each with the page. Offline, the service worker does. */
export const ROUTES = [
  { path: '/', name: 'preferences', title: 'Preferences' },
  { path: '/devices', name: 'devices', title: 'Devices' },
  { path: '/inspector', name: 'inspector', title: 'Inspector' },
  { path: '/two-devices', name: 'two-devices', title: 'Two devices' },
] as const;

export type Route = (typeof ROUTES)[number];
export type RouteName = Route['name'];

/** Returns the route of a path, or undefined if the app has none there. */
export const findRoute = (pathname: string): Route | undefined => ROUTES.find(({ path }) => path === pathname);
