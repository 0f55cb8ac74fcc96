/** Copies a text; where the browser does not allow that, shows it to be copied by hand. */
import { Button, type ButtonProps, Code, Text } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { type ReactNode, useState } from 'react';

interface Props extends ButtonProps {
  /** Made when it is asked for; may throw. */
  text: () => string;
  /** Hears why there is nothing to copy. */
  onFailure?: (error: unknown) => void;
  'aria-label'?: string;
  children: ReactNode;
}

export function CopyButton({ text, onFailure, children, ...button }: Props) {
  const clipboard = useClipboard();
  const [made, setMade] = useState('');
  const copy = () => {
    let value: string;
    try {
      value = text();
    } catch (error) {
      onFailure?.(error);
      return;
    }
    setMade(value);
    clipboard.copy(value);
  };
  return (
    <>
      <Button variant="default" {...button} onClick={copy}>
        {clipboard.copied ? 'Copied' : children}
      </Button>
      {/* Pages served without TLS, except from this machine, have no clipboard. */}
      {clipboard.error && (
        <div>
          <Text size="xs">This browser does not let the page copy. Copy it from here:</Text>
          <Code block mah={200} style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
            {made}
          </Code>
        </div>
      )}
    </>
  );
}
