import type { AppStore } from '../store-types.ts';
import { Inspector } from '../inspector/inspector.tsx';
import { PageTitle } from '../routing.tsx';

export function InspectorPage({ store }: { readonly store: AppStore }) {
  return (
    <div className="page narrow">
      <div className="column">
        <PageTitle
          title="Inspector"
          lead="Your document as it is stored: its revisions, its edit stamps and the latest sync events."
        />
        <Inspector store={store} />
      </div>
    </div>
  );
}
