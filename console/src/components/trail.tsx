/** Where a page lies: links to what it is a part of, then its own name. */
import { Anchor, Breadcrumbs, Text } from '@mantine/core';
import { Link } from 'react-router';

interface Props {
  parents: { to: string; label: string }[];
  here: string;
}

export function Trail({ parents, here }: Props) {
  return (
    <nav aria-label="Where this is">
      <Breadcrumbs>
        {parents.map(({ to, label }) => (
          <Anchor key={to} component={Link} to={to}>
            {label}
          </Anchor>
        ))}
        <Text aria-current="page">{here}</Text>
      </Breadcrumbs>
    </nav>
  );
}
