/** The app's icons, in the colour of the surrounding text. They are decorative: the text beside each has its meaning. */
const PATHS = {
  preferences: 'M4 7h9m5 0h2M4 17h2m5 0h9M13 4.5v5M6 14.5v5',
  devices: 'M3 5h13v9H3zM1.5 18h11M15.5 10.5h6v9h-6z',
  inspector: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 21 21',
  'two-devices': 'M3 4h6.5v16H3zM14.5 4H21v16h-6.5zM9.5 9.5h5m-5 5h5',
  phone: 'M7 3h10v18H7zM11 18h2',
  computer: 'M3 4.5h18v11H3zM8.5 20h7M12 15.5V20',
  chat: 'M4 4.5h16v12H11l-5 4v-4H4zM8 9h8M8 12.500h5',
  check: 'M4.5 12.5 10 18 20 6.5',
  close: 'M6 6l12 12M18 6 6 18',
  earlier: 'M14.5 6 8.5 12l6 6',
  server: 'M4 4.5h16v6H4zM4 13.5h16v6H4zM7.5 7.5h.01M7.5 16.5h.01',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
