import { useId, useState, type SyntheticEvent } from 'react';
import type { Credentials } from '../../../server/contract.ts';
import { getErrorMessage } from '../session/error-message.ts';

export interface CredentialsFormProps {
  /** The label of the submit button. */
  readonly action: string;
  /** Set when only this user can sign in here. */
  readonly username?: string;
  /** Whether the form creates an account. */
  readonly isNew: boolean;
  readonly onSubmit: (credentials: Credentials) => Promise<void>;
}

/** A form for a username and a password. Errors are shown as a sentence above the button. */
export function CredentialsForm({ action, username, isNew, onSubmit }: CredentialsFormProps) {
  const [name, setName] = useState(username ?? '');
  const [password, setPassword] = useState('');
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
      <UsernameField value={name} onChange={setName} isNew={isNew} isReadOnly={username !== undefined} />
      <PasswordField value={password} onChange={setPassword} isNew={isNew} />
      <p className="form-error" role="alert" data-testid="form-error">
        {error}
      </p>
      <button className="primary wide" type="submit" disabled={isBusy} data-testid="submit">
        {isBusy ? 'One moment…' : action}
      </button>
    </form>
  );
}

interface FieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly isNew: boolean;
}

function UsernameField({ value, onChange, isNew, isReadOnly }: FieldProps & { readonly isReadOnly: boolean }) {
  const id = useId();
  return (
    <label className="field" htmlFor={`${id}-name`}>
      <span>Username</span>
      <input
        id={`${id}-name`}
        name="username"
        data-testid="username"
        value={value}
        readOnly={isReadOnly}
        onChange={({ target }) => onChange(target.value)}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
        maxLength={64}
        aria-describedby={isNew ? `${id}-name-hint` : undefined}
      />
      {isNew && (
        <small id={`${id}-name-hint`}>
          Lowercase letters, digits and _ . @ + -, starting with a letter or a digit.
        </small>
      )}
    </label>
  );
}

function PasswordField({ value, onChange, isNew }: FieldProps) {
  const id = useId();
  const [isShown, setShown] = useState(false);
  return (
    <label className="field" htmlFor={`${id}-password`}>
      <span>Password</span>
      <span className="with-button">
        <input
          id={`${id}-password`}
          name="password"
          data-testid="password"
          type={isShown ? 'text' : 'password'}
          value={value}
          onChange={({ target }) => onChange(target.value)}
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
  );
}
