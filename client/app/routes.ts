/** The app's own URLs. The server answers each with the page (server/app/page.ts), the service worker without a network. */
export const ROUTES = [
  { path: '/', name: 'preferences', title: 'Preferences' },
  { path: '/devices', name: 'devices', title: 'Devices' },
  { path: '/inspector', name: 'inspector', title: 'Inspector' },
  { path: '/two-devices', name: 'two-devices', title: 'Two devices' },
] as const;

export type Route = (typeof ROUTES)[number];
export type RouteName = Route['name'];

/** What is shown at a path; undefined for none of ours. */
export const findRoute = (pathname: string): Route | undefined => ROUTES.find(({ path }) => path === pathname);
