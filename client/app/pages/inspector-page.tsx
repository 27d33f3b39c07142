import type { AppStore } from '../store-types.ts';
import { Inspector } from '../inspector/inspector.tsx';
import { PageTitle } from '../routing.tsx';

export function InspectorPage({ store }: { readonly store: AppStore }) {
  return (
    <div className="page narrow">
      <div className="column">
        <PageTitle
          title="Inspector"
          lead="How your one document is kept: its revisions, who set what when, and what has happened just now."
        />
        <Inspector store={store} />
      </div>
    </div>
  );
}
