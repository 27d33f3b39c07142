import { useEffect, useState } from 'react';
import type { SignInOptions } from '../../../server/contract.ts';
import { Brand } from '../components/brand.tsx';
import { CredentialsForm } from '../components/credentials-form.tsx';
import type { AppSession } from '../session/session.ts';
import { UpdateOffer } from '../update-offer.tsx';
import type { Updates } from '../updates.ts';

type Registration = SignInOptions['registration'];

function useRegistration(session: AppSession): Registration {
  // Registration is offered only once the server has reported that it is open.
  const [registration, setRegistration] = useState<Registration>('closed');
  useEffect(() => {
    let isMounted = true;
    session.options().then(
      (options) => {
        if (isMounted) setRegistration(options.registration);
      },
      () => undefined,
    );
    return () => {
      isMounted = false;
    };
  }, [session]);
  return registration;
}

export interface SignInPageProps {
  readonly session: AppSession;
  readonly updates: Updates;
}

export function SignInPage({ session, updates }: SignInPageProps) {
  const registration = useRegistration(session);
  const [isNew, setNew] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · Pouchgate';
  }, []);

  return (
    <>
      <main className="sign-in">
        <section className="sign-in-card card" aria-labelledby="sign-in-title">
          <Brand />
          <h1 id="sign-in-title">{isNew ? 'Create your account' : 'Welcome back'}</h1>
          <p className="lead">Your preferences, live on every device and available offline.</p>
          {registration === 'external' ? (
            <p>
              An identity provider signs users in here. This page signs in with accounts only, so open your
              application’s own page.
            </p>
          ) : (
            <>
              {registration === 'open' && (
                <div className="segments" role="group" aria-label="Sign in or create an account">
                  <button
                    type="button"
                    aria-pressed={!isNew}
                    onClick={() => setNew(false)}
                    data-testid="choose-sign-in"
                  >
                    Sign in
                  </button>
                  <button type="button" aria-pressed={isNew} onClick={() => setNew(true)} data-testid="choose-register">
                    Create account
                  </button>
                </div>
              )}
              <CredentialsForm
                key={String(isNew)}
                action={isNew ? 'Create account' : 'Sign in'}
                isNew={isNew}
                onSubmit={isNew ? session.register : session.signIn}
              />
            </>
          )}
        </section>
      </main>
      <div className="toasts">
        <UpdateOffer updates={updates} />
      </div>
    </>
  );
}
