/** The node's settings as people state them: flags, which are also the names in a file, names in the environment, and the help. */

export interface Setting {
  flag: string;
  env: string;
  /** What stands for the value in the help text. */
  value: string;
  help: string;
  multiple?: boolean;
  /** A path; in a file it counts from the file's directory. */
  isPath?: boolean;
  isSecret?: boolean;
}

/** Where a file of settings is named; neither stands in one. */
export const CONFIG_FLAG = 'config';
export const CONFIG_ENV = 'LEPTON_NODE_CONFIG';

export const SETTINGS = {
  gateway: { flag: 'gateway', env: 'LEPTON_GATEWAY', value: 'URL', help: 'the gateway to join' },
  modelRepository: {
    flag: 'model-repository',
    env: 'LEPTON_NODE_MODEL_REPOSITORY',
    value: 'DIR',
    help: 'serve the models of a directory, <name>/<n>/model.onnx, without a gateway',
    isPath: true,
  },
  keyFile: {
    flag: 'key-file',
    env: 'LEPTON_NODE_KEY_FILE',
    value: 'FILE',
    help: 'Bearer keys that may call a node without a gateway, one a line; without it only this machine may',
    isPath: true,
  },
  load: {
    flag: 'load',
    env: 'LEPTON_NODE_LOAD',
    value: 'NAMES',
    help: 'what a node without a gateway loads at its start: all, none, or names with commas between; default: all',
  },
  pin: {
    flag: 'pin',
    env: 'LEPTON_NODE_PIN',
    value: 'REFS',
    help: 'what is loaded from the start and stays: name, name@3, or in a fleet name@alias, with commas between',
  },
  metricsAddress: {
    flag: 'metrics-address',
    env: 'LEPTON_NODE_METRICS_ADDRESS',
    value: 'ADDR',
    help: 'where /metrics is, [host:]port or off; default: 127.0.0.1:8002 without a gateway, off with one',
  },
  token: {
    flag: 'token',
    env: 'LEPTON_TOKEN',
    value: 'TOKEN',
    help: 'a join token; prefer a file or the environment, arguments can be read by every user of the machine',
    isSecret: true,
  },
  tokenFile: {
    flag: 'token-file',
    env: 'LEPTON_TOKEN_FILE',
    value: 'FILE',
    help: 'a file with the join token in it, read when the node joins',
    isPath: true,
  },
  name: { flag: 'name', env: 'LEPTON_NODE_NAME', value: 'NAME', help: "the node's name; default: the host's" },
  home: {
    flag: 'home',
    env: 'LEPTON_NODE_HOME',
    value: 'DIR',
    help: 'identity, credential and cached models; default: .lepton-node',
    isPath: true,
  },
  host: { flag: 'host', env: 'LEPTON_NODE_HOST', value: 'ADDR', help: 'address to listen on; default: 127.0.0.1' },
  port: {
    flag: 'port',
    env: 'LEPTON_NODE_PORT',
    value: 'PORT',
    help: 'port to listen on; default: 8000 without a gateway, any free one with one',
  },
  url: {
    flag: 'url',
    env: 'LEPTON_NODE_URL',
    value: 'URL',
    help: 'where the gateway reaches this node; default: http://<host>:<port>',
  },
  region: { flag: 'region', env: 'LEPTON_NODE_REGION', value: 'REGION', help: 'where the node stands, such as eu' },
  labels: {
    flag: 'label',
    env: 'LEPTON_NODE_LABELS',
    value: 'K=V',
    help: 'a label, may be repeated; in the environment separated by commas',
    multiple: true,
  },
  modelMemoryMib: {
    flag: 'model-memory-mib',
    env: 'LEPTON_NODE_MODEL_MEMORY_MIB',
    value: 'N',
    help: "bytes of model files kept loaded, in MiB; default: a quarter of the machine's memory, at least 2048",
  },
  gpuMemoryMib: {
    flag: 'gpu-memory-mib',
    env: 'LEPTON_NODE_GPU_MEMORY_MIB',
    value: 'N',
    help: 'what models may take on a GPU, in MiB of their files; default: no bound, WebGPU does not tell how much there is',
  },
  maxModels: {
    flag: 'max-models',
    env: 'LEPTON_NODE_MAX_MODELS',
    value: 'N',
    help: 'models kept loaded, each on a thread of its own; default: 32',
  },
  maxDiskMib: {
    flag: 'max-disk-mib',
    env: 'LEPTON_NODE_MAX_DISK_MIB',
    value: 'N',
    help: 'files of models kept on disk, in MiB; the longest unused go first; default: 51200',
  },
  maxQueue: {
    flag: 'max-queue',
    env: 'LEPTON_NODE_MAX_QUEUE',
    value: 'N',
    help: 'requests of one model and tenant waiting or running at a time; default: 256',
  },
  maxQueueMib: {
    flag: 'max-queue-mib',
    env: 'LEPTON_NODE_MAX_QUEUE_MIB',
    value: 'N',
    help: 'their bodies together, in MiB; default: 256',
  },
  drainSeconds: {
    flag: 'drain-seconds',
    env: 'LEPTON_NODE_DRAIN_SECONDS',
    value: 'N',
    help: 'how long a node that is stopped may take to finish what it has; default: 20',
  },
  trialSeconds: {
    flag: 'trial-seconds',
    env: 'LEPTON_NODE_TRIAL_SECONDS',
    value: 'N',
    help: 'how long the trial of a new version may load, and run; default: 60',
  },
  trialMemoryMib: {
    flag: 'trial-memory-mib',
    env: 'LEPTON_NODE_TRIAL_MEMORY_MIB',
    value: 'N',
    help: "memory that a trial's process may take; default: 8192",
  },
  threads: {
    flag: 'threads',
    env: 'LEPTON_NODE_THREADS',
    value: 'N|auto',
    help: 'threads of a run on the CPU; auto: as many as pay, found out when a model is loaded; default: auto',
  },
  instances: {
    flag: 'instances',
    env: 'LEPTON_NODE_INSTANCES',
    value: 'N|auto',
    help: 'copies of a model on the CPU, each with weights of its own; auto: as many as pay and fit; default: auto',
  },
  webgpu: {
    flag: 'webgpu',
    env: 'LEPTON_NODE_WEBGPU',
    value: 'MODE',
    help: 'auto: models run on a GPU where there is one; on: also on an adapter that is software; off; default: auto',
  },
  webgpuStrict: {
    flag: 'webgpu-strict',
    env: 'LEPTON_NODE_WEBGPU_STRICT',
    value: 'on|off',
    help: 'on: a model of which the GPU cannot run every operator runs on the CPU as a whole; default: off',
  },
  cuda: {
    flag: 'cuda',
    env: 'LEPTON_NODE_CUDA',
    value: 'on|off',
    help: 'on: models run on an NVIDIA GPU through CUDA, whose libraries must have been installed; default: off',
  },
  logLevel: {
    flag: 'log-level',
    env: 'LEPTON_NODE_LOG_LEVEL',
    value: 'LEVEL',
    help: 'debug, info, warn or error; default: info',
  },
  accessLog: {
    flag: 'access-log',
    env: 'LEPTON_NODE_ACCESS_LOG',
    value: 'on|off',
    help: 'on: a line of the level info for every request, which otherwise is of the level debug; default: off',
  },
} as const satisfies Record<string, Setting>;

export type Key = keyof typeof SETTINGS;
