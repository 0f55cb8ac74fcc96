/** What inspection read from the model file. */
import type { InspectionReport } from '@lepton-edge/protocol';
import { Badge, Group } from '@mantine/core';
import { Facts } from '../../components/facts.tsx';
import { Section } from '../../components/section.tsx';

export function Inspection({ report }: { report: InspectionReport }) {
  const { irVersion, opsets, operators, parameterCount, producer } = report;
  const byCount = Object.entries(operators).sort(([, a], [, b]) => b - a);
  const opsetText = Object.entries(opsets).map(([domain, number]) => `${domain} ${number}`);
  return (
    <Section title="Inspection">
      <Facts
        facts={[
          ['Parameters', parameterCount.toLocaleString()],
          ['Opsets', opsetText.join(', ')],
          ['IR version', irVersion],
          ['Made with', producer],
          [
            'Operators',
            <Group key="operators" gap={6}>
              {byCount.map(([name, count]) => (
                <Badge key={name} variant="default" tt="none" fw={500} styles={{ label: { overflow: 'visible' } }}>
                  {name} × {count}
                </Badge>
              ))}
            </Group>,
          ],
        ]}
      />
    </Section>
  );
}
