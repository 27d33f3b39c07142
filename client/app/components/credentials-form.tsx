import { useId, useState, type SyntheticEvent } from 'react';
import type { Credentials } from '../../../server/contract.ts';
import { getErrorMessage } from '../session/error-message.ts';

export interface CredentialsFormProps {
  readonly action: string;
  /** Set when only this user can sign in here. */
  readonly username?: string;
  readonly isNew: boolean;
  readonly onSubmit: (credentials: Credentials) => Promise<void>;
}

/** A name, a password and a button; what goes wrong is said in a sentence. */
export function CredentialsForm({ action, username, isNew, onSubmit }: CredentialsFormProps) {
  const id = useId();
  const [name, setName] = useState(username ?? '');
  const [password, setPassword] = useState('');
  const [isShown, setShown] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();

  const submit = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await onSubmit({ username: name.trim(), password });
    } catch (failure) {
      setError(getErrorMessage(failure));
    } finally {
      setBusy(false);
    }
  };
  const onFormSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    void submit();
  };

  return (
    <form className="credentials" onSubmit={onFormSubmit} data-testid="credentials-form">
      <label className="field" htmlFor={`${id}-name`}>
        <span>Username</span>
        <input
          id={`${id}-name`}
          name="username"
          data-testid="username"
          value={name}
          readOnly={username !== undefined}
          onChange={(event) => setName(event.target.value)}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          maxLength={64}
          aria-describedby={isNew ? `${id}-name-hint` : undefined}
        />
        {isNew && (
          <small id={`${id}-name-hint`}>Small letters, digits and _ . @ + -, beginning with a letter or a digit.</small>
        )}
      </label>
      <label className="field" htmlFor={`${id}-password`}>
        <span>Password</span>
        <span className="with-button">
          <input
            id={`${id}-password`}
            name="password"
            data-testid="password"
            type={isShown ? 'text' : 'password'}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            autoComplete={isNew ? 'new-password' : 'current-password'}
            required
            minLength={8}
            maxLength={256}
            aria-describedby={isNew ? `${id}-password-hint` : undefined}
          />
          <button type="button" className="ghost" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? 'Hide' : 'Show'}
          </button>
        </span>
        {isNew && <small id={`${id}-password-hint`}>At least 8 characters.</small>}
      </label>
      <p className="form-error" role="alert" data-testid="form-error">
        {error}
      </p>
      <button className="primary wide" type="submit" disabled={isBusy} data-testid="submit">
        {isBusy ? 'One moment…' : action}
      </button>
    </form>
  );
}
