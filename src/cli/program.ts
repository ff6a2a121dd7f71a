import { Command } from 'commander';
import { addAgents } from './commands/agents.ts';
import { addAudit } from './commands/audit.ts';
import { addExport } from './commands/export.ts';
import { addFeeds } from './commands/feeds.ts';
import { addCampaign } from './commands/campaign.ts';
import { addChange } from './commands/change.ts';
import { addDeploy } from './commands/deploy.ts';
import { addDeployRules } from './commands/deploy-rules.ts';
import { addDiscovery } from './commands/discovery.ts';
import { addSources } from './commands/sources.ts';
import { addAgentUpdate } from './commands/agent-update.ts';
import { addEnrollment } from './commands/enrollment.ts';
import { addImpact } from './commands/impact.ts';
import { addNotify } from './commands/notify.ts';
import { addPeople } from './commands/people.ts';
import { addCompare } from './commands/compare.ts';
import { addCompliance } from './commands/compliance.ts';
import { addPolicies } from './commands/policies.ts';
import { addServe } from './commands/serve.ts';
import { addKits } from './commands/kits.ts';
import { addStatus } from './commands/status.ts';
import { addKeys } from './commands/keys.ts';
import { addTimeline } from './commands/timeline.ts';
import { addTokens } from './commands/tokens.ts';
import { addTrail } from './commands/trail.ts';
import { addVulnerabilities } from './commands/vulnerabilities.ts';
import { addSites } from './commands/sites.ts';
import { examplesOf } from './examples.ts';
import { VERSION } from './version.ts';

/** The whole command tree. Commander suggests the nearest command for a misspelt one. */
export function program(): Command {
  const root = new Command('lastember')
    .description(
      'From "a new Heartbleed was announced" to "every last machine is fixed, proven from outside, and written up".',
    )
    .version(VERSION)
    .option('--server <url>', 'server to talk to (default: the one of the local data directory; env LASTEMBER_SERVER)')
    .option('--data <dir>', 'data directory (env LASTEMBER_DATA_DIR)')
    .option('--json', 'print JSON')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(add --help for what it takes)')
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 negative answer, 2 usage, 3 server unreachable, 4 refused.\nA token is taken from LASTEMBER_TOKEN.',
    );
  for (const add of [
    addServe,
    addStatus,
    addDiscovery,
    addSites,
    addSources,
    addKeys,
    addTimeline,
    addEnrollment,
    addDeploy,
    addDeployRules,
    addTokens,
    addAgents,
    addAgentUpdate,
    addFeeds,
    addKits,
    addAudit,
    addExport,
    addVulnerabilities,
    addPolicies,
    addCompliance,
    addCompare,
    addImpact,
    addChange,
    addCampaign,
    addTrail,
    addNotify,
    addPeople,
  ])
    add(root);
  prepare(root);
  return root;
}

/** Every command throws instead of exiting, so that the exit code is decided in one place, and takes the global options. */
function prepare(command: Command, name = ''): void {
  command.exitOverride();
  const examples = examplesOf(name);
  if (examples.length > 0)
    command.addHelpText('after', `\n${examples.length > 1 ? 'Examples' : 'Example'}:\n  ${examples.join('\n  ')}`);
  if (command.commands.length > 0) command.allowExcessArguments(false);
  for (const child of command.commands) {
    // A group that lists something by itself has options of its own.
    const acts = child.commands.length === 0 || child.options.length > 0;
    if (acts && !child.options.some((option) => option.long === '--json')) child.option('--json', 'print JSON');
    child.showSuggestionAfterError(true).showHelpAfterError('(add --help for what it takes)');
    prepare(child, `${name} ${child.name()}`.trim());
  }
}
