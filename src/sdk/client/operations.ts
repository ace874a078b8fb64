/** Made by `npm run openapi` from openapi.json. Do not edit. */

export interface Schemas {
  Application: {
    id: string;
    account_id: string;
    name: string;
    created_at: string;
    updated_at: string;
    /** the version that is active */
    version: number;
    scheduling_policy: "default";
    instances: number;
    max_instances?: number;
    named_instances?: number;
    jobs?: true;
    job_instances?: number;
    max_parallel_tasks?: number;
    warm?: number;
    autoscaling?: {
      min: number;
      max: number;
      target_concurrency?: number;
      target_rps?: number;
      queue_depth?: number;
      idle_after?: number;
    };
    bridge?: {
      binding: string;
    };
    hooks?: {
      binding: string;
    };
    egress?: Schemas["Egress"];
    configuration: Schemas["Configuration"];
    constraints: {
      tiers: number[];
      regions?: string[];
      cities?: string[];
      pops?: string[];
      jurisdiction?: string;
      accept_verified_placement?: boolean;
    };
    affinities?: {
      colocation: "datacenter" | {
        application: string;
      };
    };
    rollout_active_grace_period: number;
    rollout?: Schemas["Policy"];
    durable_objects?: {
      namespace_id: string;
    };
    observability?: {
      logs: {
        enabled: boolean;
      };
    };
    active_rollout_id?: string;
    blocked?: Schemas["Blocked"];
    priorities: {
      default: number;
    };
    preemption: "allowed" | "never";
    health: Schemas["Health"];
    state: Schemas["ApplicationState"];
    ingress: {
      mode: Schemas["IngressMode"];
    };
    hostnames?: string[];
    check_every: number;
    generation: number;
    observed_generation: number;
  };
  ApplicationState: "ready" | "active" | "provisioning" | "degraded";
  Attempt: {
    number: number;
    index: number;
    state: Schemas["AttemptState"];
    reason: string | null;
    exit_code: number | null;
    begun_at: string;
    /** when its process was first seen to run */
    started_at: string | null;
    ended_at: string | null;
    deployment_id: string;
    generation: number;
    /** what it said last over the bridge */
    progress: {
      at: string;
      fraction?: number;
      message?: string;
    } | null;
    /** what it said over the bridge that it came to; up to 16 KiB */
    result: {
      at: string;
      value: unknown;
    } | null;
  };
  AttemptLogs: {
    number: number;
    index: number;
    state: Schemas["AttemptState"];
    reason: string | null;
    exit_code: number | null;
    begun_at: string;
    /** when its process was first seen to run */
    started_at: string | null;
    ended_at: string | null;
    deployment_id: string;
    generation: number;
    /** what it said last over the bridge */
    progress: {
      at: string;
      fraction?: number;
      message?: string;
    } | null;
    /** what it said over the bridge that it came to; up to 16 KiB */
    result: {
      at: string;
      value: unknown;
    } | null;
    /** the last 64 KiB */
    stdout: string;
    /** the last 64 KiB */
    stderr: string;
  };
  AttemptState: "starting" | "running" | "stopping" | "succeeded" | "failed" | "lost" | "cancelled" | "ignored";
  /** why instances that are wanted are not placed */
  Blocked: {
    reason: "NoLocationAllowed" | "NoLocationEnabled" | "NoCapacity" | "MaxInstances" | "StartRate" | "LocationUnsatisfied";
    message: string;
    since: string;
    /** what one more needed beyond what was left when it was blocked, by resource */
    shortfall?: Record<string, number>;
    /** null: not before something changes */
    retry_at: string | null;
  };
  Capacity: {
    /** Most instances that run at one time; what is wanted beyond it waits. Null: any number */
    instances?: number | null;
    /** Most vCPUs of all instances that run at one time. Null: any number, as at first */
    vcpu?: number | null;
    /** Most memory of all instances that run at one time, in MiB. Null: any, as at first */
    memory_mib?: number | null;
    /** Most disk of all instances that run at one time, in MB. Null: any, as at first */
    disk_mb?: number | null;
  };
  ChangeEgress: {
    /** Hosts that it may reach as well */
    allow?: string[];
    /** Hosts that it may not reach any more, whatever else says so */
    deny?: string[];
    /** Hosts that are taken off its list of what is allowed */
    remove_allowed?: string[];
    /** Hosts that are taken off its list of what is denied */
    remove_denied?: string[];
    /** In place of the policy's list of what is allowed; `null`: the policy's again */
    set_allowed?: string[] | null;
    /** In place of the policy's list of what is denied; `null`: the policy's again */
    set_denied?: string[] | null;
  };
  ChangeRegistry: {
    /** Another credential, of a registry that has one */
    auth?: {
      /** User name, AWS access key id or service account; shown by the registry's credentials */
      public_credential: string;
      /** Where the private half of the credential is */
      private_credential: {
        /** The account's secrets store, as GET …/secrets_store/stores tells it */
        store_id: string;
        /** Secret of the account that holds the password or key; it must exist */
        secret_name: string;
      };
    };
    /** In place of what it had; null ends it */
    pull_through?: {
      /** First part of the names under which its images are pulled from here, unique in the account; default: the domain, where it has no port */
      prefix?: string;
      /** Seconds after which a tag is asked for anew, 0: each time; default: 300 */
      refresh_seconds?: number;
    } | null;
  };
  ChangeRepository: {
    /** Whether anyone may pull, without a login; may be said before anything is pushed, and then keeps the name */
    is_public: boolean;
  };
  ChangeSecret: {
    /** The new value; the version grows by one, also when the value is the same; containers get it at their next placement */
    value: string;
  };
  Check: {
    /** How events and instances name the check; default: its kind and its number, as in ready-0 */
    name?: string;
    /** `http` sends a request and looks at the status of the answer, `tcp` only opens a connection */
    type: "http" | "tcp";
    /** Name of the one of `ports` that is checked */
    port: string;
    /** The request of a check of type http */
    http?: {
      /** Method of the request; default: GET */
      method?: "GET" | "POST" | "PATCH" | "PUT" | "OPTIONS" | "DELETE" | "HEAD";
      /** Path and query of the request */
      path: string;
      /** Body of the request: needed for POST, PATCH and PUT, refused for GET and HEAD */
      body?: string;
      /** Headers of the request beside Gantry's user-agent; default: none */
      headers?: Record<string, string>;
    };
    /** Whether the port speaks TLS; only false is taken */
    tls?: false;
    /** Statuses (204) and classes (2xx) that pass a check of type http; default: 2xx. Redirects are not followed */
    expect_status?: (number | string)[];
    /** Time that one attempt may take; default: 1s */
    timeout?: number | string;
    /** Time between attempts while the container runs; default: 10s. Before it is ready for the first time attempts follow quickly, those of a startup check at this interval if one is given */
    interval?: number | string;
    /** Failures in a row that make a ready or health check fail; default: 3 */
    attempts_before_failure?: number;
    /** Failures of a ready or health check are ignored for this long after the start; default: 0 */
    grace_period?: number | string;
    /** `startup`: the other kinds wait until it has passed once. `ready`: while it fails there is no traffic. `health`: when it fails the container is stopped and started again */
    kind: "startup" | "ready" | "health";
  };
  CheckAnswer: {
    /** How events and instances name the check; default: its kind and its number, as in ready-0 */
    name?: string;
    /** `http` sends a request and looks at the status of the answer, `tcp` only opens a connection */
    type: "http" | "tcp";
    /** Name of the one of `ports` that is checked */
    port: string;
    /** The request of a check of type http */
    http?: {
      /** Method of the request; default: GET */
      method: "GET" | "POST" | "PATCH" | "PUT" | "OPTIONS" | "DELETE" | "HEAD";
      /** Path and query of the request */
      path: string;
      /** Body of the request: needed for POST, PATCH and PUT, refused for GET and HEAD */
      body?: string;
      /** Headers of the request beside Gantry's user-agent; default: none */
      headers?: Record<string, string>;
    };
    /** Whether the port speaks TLS; only false is taken */
    tls?: false;
    /** Statuses (204) and classes (2xx) that pass a check of type http; default: 2xx. Redirects are not followed */
    expect_status?: (number | string)[];
    /** Time that one attempt may take; default: 1s */
    timeout: number | string;
    /** Time between attempts while the container runs; default: 10s. Before it is ready for the first time attempts follow quickly, those of a startup check at this interval if one is given */
    interval?: number | string;
    /** Failures in a row that make a ready or health check fail; default: 3 */
    attempts_before_failure?: number;
    /** Failures of a ready or health check are ignored for this long after the start; default: 0 */
    grace_period?: number | string;
    /** `startup`: the other kinds wait until it has passed once. `ready`: while it fails there is no traffic. `health`: when it fails the container is stopped and started again */
    kind: "startup" | "ready" | "health";
  };
  Collection: {
    dry_run: boolean;
    /** manifests without a tag that were removed */
    manifests: number;
    /** their bytes with those of their blobs, which others may have too */
    manifest_bytes: number;
    blobs: number;
    /** uploads that nobody finished */
    uploads: number;
    /** bytes of these blobs and uploads; those of manifests just removed are held for a while yet */
    bytes: number;
    /** manifests without a tag that applications use */
    kept: {
      image: string;
      users: string[];
    }[];
    /** the first hundred that were removed, as `<repository>@<digest>` */
    examples: string[];
    /** false: there is more than one request removes; ask again */
    complete: boolean;
  };
  CollectionInput: {
    /** Nothing is removed: what would be is told */
    dry_run?: boolean;
    /** Also manifests that no tag leads to, as far as no application uses them */
    untagged?: boolean;
    /** Only this one; default: all */
    repository?: string;
  };
  Configuration: {
    /** What the container runs: one of the images that the control plane was deployed with */
    image: string;
    /** The container's size by name; `dev` is lite, `standard` is standard-1. Default: the account's size */
    instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
    /** Processors of the container; default: the account's, see `/me` */
    vcpu?: number;
    /** Memory in MiB; default: the account's, see `/me` */
    memory_mib?: number;
    /** The container's disk */
    disk?: {
      /** Its size in MB; default: the account's, see `/me` */
      size_mb: number;
    };
    /** Variables that the container starts with; default: Gantry's own only */
    environment_variables?: {
      /** The variable's name in the container */
      name: string;
      /** Its value, as it is; anybody who may read the application sees it */
      value: string;
    }[];
    /** Secrets of the account that the container gets as environment variables; default: none */
    secrets?: Schemas["SecretReference"][];
    /** Keys of the account whose lines the container finds in GANTRY_AUTHORIZED_KEYS; default: none */
    ssh_public_key_ids?: string[];
    /** Further lines of GANTRY_AUTHORIZED_KEYS, from which an image with an SSH server takes them */
    authorized_keys?: Schemas["InlineSshKey"][];
    /** Lines of GANTRY_TRUSTED_USER_CA_KEYS: authorities whose certificates an SSH server accepts */
    trusted_user_ca_keys?: Schemas["InlineSshKey"][];
    /** Access by `wrangler containers ssh`, of containers that are started from then on; default: none */
    wrangler_ssh?: {
      /** Whether `wrangler containers ssh` is let through to the container */
      enabled: boolean;
      /** Where the container's SSH server listens, told to it as GANTRY_SSH_PORT; default: 22 */
      port?: number;
    };
    /** Like the application's own `observability`, as of a version; give one of the two. Default: off */
    observability?: {
      logs: Schemas["LogsSwitch"];
    };
    /** Labels that the platform keeps with the container, shown in metrics too; default: Gantry's own only */
    labels?: {
      /** The label's name, of at most 16 bytes */
      name: string;
      /** Its value, of at most 64 bytes */
      value: string;
    }[];
    /** Replaces the image's entrypoint and its default arguments */
    entrypoint?: string[];
    /** Arguments of `entrypoint`, which it needs */
    command?: string[];
    /** Ports that the container listens on; requests that name none go to the first. Default: 8080, unnamed */
    ports?: Schemas["NamedPort"][];
    /** Ports, by number or by their name in `ports`, that must all accept connections: by `startup_deadline`, and from then on for traffic. Without `ports` these are its ports, the first being where requests go. Default: none */
    required_ports?: Schemas["RequiredPort"][];
    /** Whether each instance has addresses of its own; default: it has none */
    network?: Schemas["Network"];
    /** What a container is asked while it lives; default: the first port must accept connections */
    checks?: Schemas["CheckAnswer"][];
    /** Whether the container gets a token of the bridge in GANTRY_BRIDGE_TOKEN, to speak to it from outside its own network; it ends with the container. Default: false, since inside no token is needed */
    bridge_token?: boolean;
    /** A container that has not started, and passed its startup checks, this long after its launch is ended; default: 120s */
    startup_deadline?: number | string;
    /** In a stop, requests, streams and WebSockets under way may take this long before SIGTERM; default: 5s */
    drain_timeout?: number | string;
    /** Time from SIGTERM to SIGKILL in a stop; default: 10s */
    stop_grace?: number | string;
    /** A container gets its SIGTERM this long after its launch, busy or not; default: never */
    hard_timeout?: number | string;
    /** A named instance that has nothing under way for this long is stopped until it is called; default: 10m */
    sleep_after?: number | string;
    /** A container that says through the bridge that it is busy is spared sleep, rollouts and scale-down for so long; default: 1h */
    max_hold?: number | string;
    [field: string]: unknown;
  };
  ConfigurationInput: {
    /** What the container runs: one of the images that the control plane was deployed with */
    image: string;
    /** The container's size by name; `dev` is lite, `standard` is standard-1. Default: the account's size */
    instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
    /** Processors of the container; default: the account's, see `/me` */
    vcpu?: number;
    /** Memory in MiB; default: the account's, see `/me` */
    memory_mib?: number;
    /** The container's disk */
    disk?: {
      /** Its size in MB; default: the account's, see `/me` */
      size_mb: number;
    };
    /** Variables that the container starts with; default: Gantry's own only */
    environment_variables?: {
      /** The variable's name in the container */
      name: string;
      /** Its value, as it is; anybody who may read the application sees it */
      value: string;
    }[];
    /** Secrets of the account that the container gets as environment variables; default: none */
    secrets?: Schemas["SecretReference"][];
    /** Keys of the account whose lines the container finds in GANTRY_AUTHORIZED_KEYS; default: none */
    ssh_public_key_ids?: string[];
    /** Further lines of GANTRY_AUTHORIZED_KEYS, from which an image with an SSH server takes them */
    authorized_keys?: Schemas["InlineSshKey"][];
    /** Lines of GANTRY_TRUSTED_USER_CA_KEYS: authorities whose certificates an SSH server accepts */
    trusted_user_ca_keys?: Schemas["InlineSshKey"][];
    /** Access by `wrangler containers ssh`, of containers that are started from then on; default: none */
    wrangler_ssh?: {
      /** Whether `wrangler containers ssh` is let through to the container */
      enabled: boolean;
      /** Where the container's SSH server listens, told to it as GANTRY_SSH_PORT; default: 22 */
      port?: number;
    };
    /** Like the application's own `observability`, as of a version; give one of the two. Default: off */
    observability?: {
      logs: Schemas["LogsSwitch"];
    };
    /** Labels that the platform keeps with the container, shown in metrics too; default: Gantry's own only */
    labels?: {
      /** The label's name, of at most 16 bytes */
      name: string;
      /** Its value, of at most 64 bytes */
      value: string;
    }[];
    /** Replaces the image's entrypoint and its default arguments */
    entrypoint?: string[];
    /** Arguments of `entrypoint`, which it needs */
    command?: string[];
    /** Ports that the container listens on; requests that name none go to the first. Default: 8080, unnamed */
    ports?: Schemas["NamedPort"][];
    /** Ports, by number or by their name in `ports`, that must all accept connections: by `startup_deadline`, and from then on for traffic. Without `ports` these are its ports, the first being where requests go. Default: none */
    required_ports?: Schemas["RequiredPort"][];
    /** Whether each instance has addresses of its own; default: it has none */
    network?: Schemas["Network"];
    /** What a container is asked while it lives; default: the first port must accept connections */
    checks?: Schemas["Check"][];
    /** Whether the container gets a token of the bridge in GANTRY_BRIDGE_TOKEN, to speak to it from outside its own network; it ends with the container. Default: false, since inside no token is needed */
    bridge_token?: boolean;
    /** A container that has not started, and passed its startup checks, this long after its launch is ended; default: 120s */
    startup_deadline?: number | string;
    /** In a stop, requests, streams and WebSockets under way may take this long before SIGTERM; default: 5s */
    drain_timeout?: number | string;
    /** Time from SIGTERM to SIGKILL in a stop; default: 10s */
    stop_grace?: number | string;
    /** A container gets its SIGTERM this long after its launch, busy or not; default: never */
    hard_timeout?: number | string;
    /** A named instance that has nothing under way for this long is stopped until it is called; default: 10m */
    sleep_after?: number | string;
    /** A container that says through the bridge that it is busy is spared sleep, rollouts and scale-down for so long; default: 1h */
    max_hold?: number | string;
  };
  CreateApplication: {
    /** Unique in the account, and part of the application's address; never changes */
    name: string;
    /** How many instances are wanted */
    instances: number;
    /** Ceiling of `instances`; lowering it reduces what runs. Default: none */
    max_instances?: number;
    /** Most instances at a time that run because somebody calls them by name; each comes with its first call, sleeps when nobody calls it, and is no member of the pool that `instances` counts. Default: 0, which is none */
    named_instances?: number;
    /** Members of the pool that are kept started and ready beyond `instances`, or beyond what the load asks for: spare ones, which get requests as soon as another one is lost or more are needed. Default: 0 */
    warm?: number;
    /** Who may call the application; default: `GANTRY_DEFAULT_INGRESS` of the control plane, else private */
    ingress?: {
      /** Who may call it from outside: nobody, holders of a token, everybody */
      mode: Schemas["IngressMode"];
    };
    /** Host names under which it is called beside its own; each belongs to one application, and has to be routed to the control plane. Default: none */
    hostnames?: string[];
    /** How often a running container is looked at; default 60 s */
    check_every?: number | string;
    /** Acts at once, on all that runs; default: off. Not beside `configuration.observability` */
    observability?: {
      logs: Schemas["LogsSwitch"];
      /** Refused: is not supported: logs are of all instances */
      target_instance_percentage?: never;
      /** Refused: is not supported: logs are of all instances */
      target_instance_count?: never;
    };
    /** Given when the application is made, and never changed; default: none */
    durable_objects?: {
      /** The Durable Object namespace that the application belongs to; one namespace has one application */
      namespace_id: string;
      /** Refused: is not supported: give namespace_id */
      script_name?: never;
      /** Refused: is not supported: give namespace_id */
      class_name?: never;
    };
    /** The scheduler; only "default" is taken */
    scheduling_policy?: "default";
    /** Where instances may run, given as a whole; default: anywhere */
    constraints?: {
      /** Tiers of machines; only [1, 2], which is all of them, is taken */
      tiers?: number[];
      /** Refused: is not supported: give tiers */
      tier?: never;
      /** Only locations in these regions, in either case; default: all */
      regions?: string[];
      /** Refused: is not supported: give regions, with one in it */
      region?: never;
      /** Only locations that stand for these cities (airport codes, in either case); default: all */
      cities?: string[];
      /** Only locations that stand for these data centres, in either case; default: all */
      pops?: string[];
      /** Only locations in it; objects are made within it. Needs `accept_verified_placement`. Default: none */
      jurisdiction?: "eu" | "us" | "fedramp";
      /** `true`: region and jurisdiction are read inside the container, which takes no traffic before, and is replaced when it is elsewhere, three times at most; default `false` */
      accept_verified_placement?: boolean;
    };
    /** What instances are to be near, given as a whole; default: nothing */
    affinities?: {
      /** What new instances are drawn to: `datacenter`, each other, or the locations of another application's instances. A wish, never a reason not to place. Default: nothing */
      colocation?: "datacenter" | {
        /** Id or name of an application of the account */
        application: string;
      };
      /** Refused: is not supported: the platform chooses the machine */
      hardware_generation?: never;
    };
    /** Seconds: an instance that takes traffic for less than this is not replaced by a rollout yet; default: 0 */
    rollout_active_grace_period?: number;
    rollout?: Schemas["RolloutPolicy"];
    /** Whether it runs jobs; `true` without `job_instances`: up to 10 containers at a time. Default: false */
    jobs?: boolean;
    /** Most containers of jobs at a time; room for them is kept in the account's limits. Default: 0, no jobs */
    job_instances?: number;
    /** Most tasks of mode `http` that its pool is doing at a time; those of mode `run` are jobs. Default: 20 */
    max_parallel_tasks?: number;
    /** Who goes first where capacity is short; default: 0 */
    priorities?: {
      /** Priority of every instance: higher is placed first, and may stop lower ones to be placed */
      default: number;
    };
    /** Whether instances may be stopped to make room for a higher priority; default: allowed */
    preemption?: "allowed" | "never";
    /** `instances` follows the load: up at once, down after five minutes; default: it stays as it was said */
    autoscaling?: {
      /** Fewest instances; with 0, all sleep after a long time without load */
      min: number;
      /** Most instances; room for them is kept in the account's limits */
      max: number;
      /** Requests, streams and WebSockets at a time that one is to carry */
      target_concurrency?: number;
      /** Requests a second that one is to carry */
      target_rps?: number;
      /** Callers that may wait for a ready instance, for each there is */
      queue_depth?: number;
      /** Time without any load after which none is left, where `min` is 0; default: 10m */
      idle_after?: number | string;
    };
    /** The Worker whose `bridgeCall` containers reach through `POST /rpc` of the bridge; default: none */
    bridge?: {
      /** Name of a service binding of the control plane, as its wrangler.jsonc says it */
      binding: string;
    };
    /** The Worker whose `containerEvent` hears when a container starts, stops, fails or times out; default: none */
    hooks?: {
      /** Name of a service binding of the control plane, as its wrangler.jsonc says it */
      binding: string;
    };
    /** What its containers may reach, from their next request on; default: nothing outside */
    egress?: Schemas["EgressInput"];
    /** What an instance runs: stored as a version */
    configuration: Schemas["ConfigurationInput"];
  };
  CreateDeployment: {
    /** What the container runs: one of the images that the control plane was deployed with */
    image: string;
    /** The container's size by name; `dev` is lite, `standard` is standard-1. Default: the account's size */
    instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
    /** Processors of the container; default: the account's, see `/me` */
    vcpu?: number;
    /** Memory in MiB; default: the account's, see `/me` */
    memory_mib?: number;
    /** The container's disk */
    disk?: {
      /** Its size in MB; default: the account's, see `/me` */
      size_mb: number;
    };
    /** Variables that the container starts with; default: Gantry's own only */
    environment_variables?: {
      /** The variable's name in the container */
      name: string;
      /** Its value, as it is; anybody who may read the application sees it */
      value: string;
    }[];
    /** Secrets of the account that the container gets as environment variables; default: none */
    secrets?: Schemas["SecretReference"][];
    /** Keys of the account whose lines the container finds in GANTRY_AUTHORIZED_KEYS; default: none */
    ssh_public_key_ids?: string[];
    /** Further lines of GANTRY_AUTHORIZED_KEYS, from which an image with an SSH server takes them */
    authorized_keys?: Schemas["InlineSshKey"][];
    /** Lines of GANTRY_TRUSTED_USER_CA_KEYS: authorities whose certificates an SSH server accepts */
    trusted_user_ca_keys?: Schemas["InlineSshKey"][];
    /** Access by `wrangler containers ssh`, of containers that are started from then on; default: none */
    wrangler_ssh?: {
      /** Whether `wrangler containers ssh` is let through to the container */
      enabled: boolean;
      /** Where the container's SSH server listens, told to it as GANTRY_SSH_PORT; default: 22 */
      port?: number;
    };
    /** Like the application's own `observability`, as of a version; give one of the two. Default: off */
    observability?: {
      logs: Schemas["LogsSwitch"];
    };
    /** Labels that the platform keeps with the container, shown in metrics too; default: Gantry's own only */
    labels?: {
      /** The label's name, of at most 16 bytes */
      name: string;
      /** Its value, of at most 64 bytes */
      value: string;
    }[];
    /** Replaces the image's entrypoint and its default arguments */
    entrypoint?: string[];
    /** Arguments of `entrypoint`, which it needs */
    command?: string[];
    /** Ports that the container listens on; requests that name none go to the first. Default: 8080, unnamed */
    ports?: Schemas["NamedPort"][];
    /** Ports, by number or by their name in `ports`, that must all accept connections: by `startup_deadline`, and from then on for traffic. Without `ports` these are its ports, the first being where requests go. Default: none */
    required_ports?: Schemas["RequiredPort"][];
    /** Whether each instance has addresses of its own; default: it has none */
    network?: Schemas["Network"];
    /** What a container is asked while it lives; default: the first port must accept connections */
    checks?: Schemas["Check"][];
    /** Whether the container gets a token of the bridge in GANTRY_BRIDGE_TOKEN, to speak to it from outside its own network; it ends with the container. Default: false, since inside no token is needed */
    bridge_token?: boolean;
    /** A container that has not started, and passed its startup checks, this long after its launch is ended; default: 120s */
    startup_deadline?: number | string;
    /** In a stop, requests, streams and WebSockets under way may take this long before SIGTERM; default: 5s */
    drain_timeout?: number | string;
    /** Time from SIGTERM to SIGKILL in a stop; default: 10s */
    stop_grace?: number | string;
    /** A container gets its SIGTERM this long after its launch, busy or not; default: never */
    hard_timeout?: number | string;
    /** Refused: has no effect: only named instances of an application sleep */
    sleep_after?: never;
    /** A container that says through the bridge that it is busy is spared sleep, rollouts and scale-down for so long; default: 1h */
    max_hold?: number | string;
    /** Unique among the account's standalone deployments, never changes; default: it has only its id */
    name?: string;
    /** Where it is asked to run, told to the container as GANTRY_LOCATION and held against the location's limits: afr, apac, eeur, enam, me, oc, sam, weur, wnam */
    location: string;
    /** Refused: is not supported: a container has the platform's resolver */
    dns?: never;
    /** Refused: is not supported: images are started as they are */
    provisioner?: never;
  };
  CreateJob: {
    /** For people, and unique if you make it so; default: made of its id */
    name?: string;
    /** What its containers run; default: the application's */
    entrypoint?: string[];
    /** Arguments of `entrypoint`; default: none, and the application's where `entrypoint` is */
    command?: string[];
    /** In place of the application's image */
    image?: string;
    /** In place of the application's size */
    instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
    /** In place of the application's */
    vcpu?: number;
    /** The same as `vcpu` */
    vcpus?: number;
    /** In place of the application's */
    memory_mib?: number;
    /** Beside the application's; one of the same name is in its place */
    environment_variables?: {
      /** The variable's name in the container */
      name: string;
      /** Its value, as it is; anybody who may read the application sees it */
      value: string;
    }[];
    /** Indexes that are to succeed; default: 1 */
    completions?: number;
    /** Containers at a time, as far as `job_instances` of the application allows; default: 1 */
    parallelism?: number;
    /** Failed attempts that are tried again, of all indexes. Default: 0, or no limit with `retries_per_index` */
    retries?: number;
    /** Failed attempts of one index that are tried again, before that index has failed; default: no limit */
    retries_per_index?: number;
    /** Indexes that may fail before the job does; default: it goes on to its end */
    max_failed_indexes?: number;
    /** Attempts that the platform may lose, each of which is tried again; default: 10 */
    loss_retries?: number;
    /** Wait before a failed index is tried again; doubles. Default: 10 s */
    backoff?: number | string;
    /** The longest such wait; default: 6 min */
    max_backoff?: number | string;
    /** Of an attempt, from its start: SIGTERM, after `stop_grace` SIGKILL. Default: none */
    timeout?: number | string;
    /** Of the job, from its first attempt; it goes before retries. Default: none */
    deadline?: number | string;
    /** What exit codes mean; the first rule that fits decides. Default: all but 0 are failures that count */
    failure_policy?: ({
      /** `fail_job`: the job has failed. `fail_index`: the index has, and others go on. `ignore`: tried again and not counted. `count`: counted against `retries`, as without a rule */
      action: "fail_job" | "fail_index" | "ignore" | "count";
      /** Of which exit codes it is */
      exit_codes: {
        /** Whether the code is to be one of `values`, or none of them */
        operator: "in" | "not_in";
        /** Exit codes; 0 is success and cannot be in them where they are `in` */
        values: number[];
      };
    })[];
    /** The job has succeeded when one of these is met; default: when all indexes have */
    success_policy?: {
      /** Indexes that are to succeed, such as `0,2-5`; default: any */
      indexes?: string;
      /** How many of them; default: all of `indexes` */
      count?: number;
    }[];
    /** How long it is kept after its end; default: until it is deleted */
    ttl?: number | string;
    /** Its containers read it from `http://control.gantry.internal/payload`, as text; default: none */
    payload?: string;
    /** Jobs of one key take turns with those of every other; default: one key for all */
    fairness_key?: string;
    /** Whether a shell of the image keeps the exit code and the last output. It is tried, and found out where there is none */
    shell?: boolean;
    /** Values that live as long as the job, as variables */
    secrets?: {
      /** The variable that holds it */
      name: string;
      /** Kept sealed as long as the job, and never shown */
      value: string;
      /** Only `env` is taken */
      type?: "env";
    }[];
    /** Whether it waits to be resumed; default: false */
    suspend?: boolean;
  };
  CreateRegistry: {
    /** Host of the registry, unique in the account */
    domain: string;
    /** What registry it is; decides what the domain must look like */
    kind?: "DockerHub" | "ECR" | "GAR" | "GHCR" | "Generic";
    /** How it is read; needs `kind` */
    auth?: {
      /** User name, AWS access key id or service account; shown by the registry's credentials */
      public_credential: string;
      /** Where the private half of the credential is */
      private_credential: {
        /** The account's secrets store, as GET …/secrets_store/stores tells it */
        store_id: string;
        /** Secret of the account that holds the password or key; it must exist */
        secret_name: string;
      };
    };
    /** Without `auth`: true needs no credentials; false makes a key pair whose public half the answer shows */
    is_public?: boolean;
    /** Its images are pulled through the managed registry, which keeps what it has copied */
    pull_through?: {
      /** First part of the names under which its images are pulled from here, unique in the account; default: the domain, where it has no port */
      prefix?: string;
      /** Seconds after which a tag is asked for anew, 0: each time; default: 300 */
      refresh_seconds?: number;
    };
  };
  CreateRollout: {
    /** Shown with the rollout */
    description: string;
    /** `rolling`: instances are replaced, step by step. `new_instances`: as that, and of the requests the same share goes to the target. `blue_green`: all of the target's run beside the old ones, then all requests go to them at once */
    strategy: "rolling" | "new_instances" | "blue_green";
    /** Who moves it on: `full_auto`, the default, itself; `full_manual`: somebody says next at the end of each step */
    kind?: "full_auto" | "full_manual";
    /** Size of each step in percent of the instances; default: 100. Not beside `steps` */
    step_percentage?: number;
    /** Steps, each with the share of instances that it ends at: ascending, the last one 100 */
    steps?: {
      /** How far this step goes */
      step_size: {
        /** Instances on the target after this step, in percent */
        percentage: number;
      };
      /** Shown with the step */
      description: string;
    }[];
    /** Of new_instances: the share of instances and requests that it goes to by itself, where it waits for next or promote. Needed for full_manual; default: 100, by way of 10, 25 and 50 */
    percentage?: number;
    /** Instances above what is wanted while some are replaced, as a number or a share that rounds up; default: 25% */
    max_surge?: number | string;
    /** Instances below what is wanted that may take traffic, as a number or a share that rounds down; default: 0 */
    max_unavailable?: number | string;
    /** An instance counts as healthy when it has been ready for so long; default: 10s */
    min_healthy_time?: number | string;
    /** When nothing has become healthy for so long, the rollout has failed; `null`: never by time. Default: 10m */
    progress_deadline?: number | string | null;
    /** What has failed goes back by itself to the version that served before; `false`: it stalls. Default: true */
    auto_revert?: boolean;
    /** Old instances stay for so long out of traffic, for a way back that starts nothing; default: 0 */
    scale_down_delay?: number | string;
    /** Of new_instances: how a client stays with its version; default: each request is shared out by itself */
    sticky?: {
      /** `true`: a client keeps its version by a cookie that it is given */
      cookie?: true;
      /** Name of a header that clients send: equal values get the same version */
      header?: string;
    };
    /** What is measured at the end of each step but the last, and of blue_green before it switches; default: nothing */
    gates?: Schemas["Gate"][];
    /** What is to run: fields given replace those of the active version */
    target_configuration?: {
      /** What the container runs: one of the images that the control plane was deployed with */
      image?: string;
      /** The container's size by name; `dev` is lite, `standard` is standard-1. Default: the account's size */
      instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
      /** Processors of the container; default: the account's, see `/me` */
      vcpu?: number;
      /** Memory in MiB; default: the account's, see `/me` */
      memory_mib?: number;
      /** The container's disk */
      disk?: {
        /** Its size in MB; default: the account's, see `/me` */
        size_mb: number;
      };
      /** Variables that the container starts with; default: Gantry's own only */
      environment_variables?: {
        /** The variable's name in the container */
        name: string;
        /** Its value, as it is; anybody who may read the application sees it */
        value: string;
      }[];
      /** Secrets of the account that the container gets as environment variables; default: none */
      secrets?: Schemas["SecretReference"][];
      /** Keys of the account whose lines the container finds in GANTRY_AUTHORIZED_KEYS; default: none */
      ssh_public_key_ids?: string[];
      /** Further lines of GANTRY_AUTHORIZED_KEYS, from which an image with an SSH server takes them */
      authorized_keys?: Schemas["InlineSshKey"][];
      /** Lines of GANTRY_TRUSTED_USER_CA_KEYS: authorities whose certificates an SSH server accepts */
      trusted_user_ca_keys?: Schemas["InlineSshKey"][];
      /** Access by `wrangler containers ssh`, of containers that are started from then on; default: none */
      wrangler_ssh?: {
        /** Whether `wrangler containers ssh` is let through to the container */
        enabled: boolean;
        /** Where the container's SSH server listens, told to it as GANTRY_SSH_PORT; default: 22 */
        port?: number;
      };
      /** Like the application's own `observability`, as of a version; give one of the two. Default: off */
      observability?: {
        logs: Schemas["LogsSwitch"];
      };
      /** Labels that the platform keeps with the container, shown in metrics too; default: Gantry's own only */
      labels?: {
        /** The label's name, of at most 16 bytes */
        name: string;
        /** Its value, of at most 64 bytes */
        value: string;
      }[];
      /** Replaces the image's entrypoint and its default arguments */
      entrypoint?: string[];
      /** Arguments of `entrypoint`, which it needs */
      command?: string[];
      /** Ports that the container listens on; requests that name none go to the first. Default: 8080, unnamed */
      ports?: Schemas["NamedPort"][];
      /** Ports, by number or by their name in `ports`, that must all accept connections: by `startup_deadline`, and from then on for traffic. Without `ports` these are its ports, the first being where requests go. Default: none */
      required_ports?: Schemas["RequiredPort"][];
      /** Whether each instance has addresses of its own; default: it has none */
      network?: Schemas["Network"];
      /** What a container is asked while it lives; default: the first port must accept connections */
      checks?: Schemas["Check"][];
      /** Whether the container gets a token of the bridge in GANTRY_BRIDGE_TOKEN, to speak to it from outside its own network; it ends with the container. Default: false, since inside no token is needed */
      bridge_token?: boolean;
      /** A container that has not started, and passed its startup checks, this long after its launch is ended; default: 120s */
      startup_deadline?: number | string;
      /** In a stop, requests, streams and WebSockets under way may take this long before SIGTERM; default: 5s */
      drain_timeout?: number | string;
      /** Time from SIGTERM to SIGKILL in a stop; default: 10s */
      stop_grace?: number | string;
      /** A container gets its SIGTERM this long after its launch, busy or not; default: never */
      hard_timeout?: number | string;
      /** A named instance that has nothing under way for this long is stopped until it is called; default: 10m */
      sleep_after?: number | string;
      /** A container that says through the bridge that it is busy is spared sleep, rollouts and scale-down for so long; default: 1h */
      max_hold?: number | string;
    };
    /** A stored version to run; in place of `target_configuration` */
    target_version?: number;
  };
  CreateSchedule: {
    /** Unique in its application, for good; a run is named by it and its minute */
    name: string;
    /** Five fields, minute hour day month weekday, or `@hourly` and the like; what can never be is refused */
    cron: string;
    /** Whose clocks `cron` speaks of, by its name in the IANA database; default: `UTC` */
    time_zone?: string;
    /** While an earlier run of it is not over: beside it, not at all, or in its place, which cancels it. Default: `allow` */
    concurrency?: "allow" | "forbid" | "replace";
    /** What becomes of runs that come too late */
    misfire?: {
      /** Of runs that are more than a minute late: none of them runs, the latest, or the latest `limit`; default: `one` */
      policy?: "skip" | "one" | "all";
      /** Of `all`: how many run at most; default: 10 */
      limit?: number;
      /** Whether that goes for runs that passed while it was suspended too. Default: they never run */
      after_suspension?: boolean;
    };
    /** A run that could not be begun so long after its time is not begun at all; default: no limit */
    starting_deadline?: number | string;
    /** At a time that the clocks leap over: no run, or one when they have leapt. Default: `run_after` */
    dst_gap?: "skip" | "run_after";
    /** At a time that is there twice: a run the first time, or both times. Default: `first` */
    dst_overlap?: "first" | "both";
    /** Each run begins up to so long after its time, the same for each; at most the time between two runs. Default: 0 */
    jitter?: number | string;
    /** Whether it fires nothing for now; default: false */
    suspend?: boolean;
    /** How many finished jobs of it are kept */
    history?: {
      /** Jobs of it that have succeeded; default: 3 */
      succeeded?: number;
      /** Jobs of it that have failed or were cancelled; default: 1 */
      failed?: number;
    };
    /** The job of each run; `{}` is one run of what the application runs */
    job: {
      /** What its containers run; default: the application's */
      entrypoint?: string[];
      /** Arguments of `entrypoint`; default: none, and the application's where `entrypoint` is */
      command?: string[];
      /** In place of the application's image */
      image?: string;
      /** In place of the application's size */
      instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
      /** In place of the application's */
      vcpu?: number;
      /** The same as `vcpu` */
      vcpus?: number;
      /** In place of the application's */
      memory_mib?: number;
      /** Beside the application's; one of the same name is in its place */
      environment_variables?: {
        /** The variable's name in the container */
        name: string;
        /** Its value, as it is; anybody who may read the application sees it */
        value: string;
      }[];
      /** Indexes that are to succeed; default: 1 */
      completions?: number;
      /** Containers at a time, as far as `job_instances` of the application allows; default: 1 */
      parallelism?: number;
      /** Failed attempts that are tried again, of all indexes. Default: 0, or no limit with `retries_per_index` */
      retries?: number;
      /** Failed attempts of one index that are tried again, before that index has failed; default: no limit */
      retries_per_index?: number;
      /** Indexes that may fail before the job does; default: it goes on to its end */
      max_failed_indexes?: number;
      /** Attempts that the platform may lose, each of which is tried again; default: 10 */
      loss_retries?: number;
      /** Wait before a failed index is tried again; doubles. Default: 10 s */
      backoff?: number | string;
      /** The longest such wait; default: 6 min */
      max_backoff?: number | string;
      /** Of an attempt, from its start: SIGTERM, after `stop_grace` SIGKILL. Default: none */
      timeout?: number | string;
      /** Of the job, from its first attempt; it goes before retries. Default: none */
      deadline?: number | string;
      /** What exit codes mean; the first rule that fits decides. Default: all but 0 are failures that count */
      failure_policy?: ({
        /** `fail_job`: the job has failed. `fail_index`: the index has, and others go on. `ignore`: tried again and not counted. `count`: counted against `retries`, as without a rule */
        action: "fail_job" | "fail_index" | "ignore" | "count";
        /** Of which exit codes it is */
        exit_codes: {
          /** Whether the code is to be one of `values`, or none of them */
          operator: "in" | "not_in";
          /** Exit codes; 0 is success and cannot be in them where they are `in` */
          values: number[];
        };
      })[];
      /** The job has succeeded when one of these is met; default: when all indexes have */
      success_policy?: {
        /** Indexes that are to succeed, such as `0,2-5`; default: any */
        indexes?: string;
        /** How many of them; default: all of `indexes` */
        count?: number;
      }[];
      /** How long it is kept after its end; default: until it is deleted */
      ttl?: number | string;
      /** Its containers read it from `http://control.gantry.internal/payload`, as text; default: none */
      payload?: string;
      /** Jobs of one key take turns with those of every other; default: one key for all */
      fairness_key?: string;
      /** Whether a shell of the image keeps the exit code and the last output. It is tried, and found out where there is none */
      shell?: boolean;
    };
  };
  CreateSecret: {
    /** Name of the secret, unique in the account; what configurations refer to */
    name: string;
    /** The value, 1 to 65,536 bytes; sealed at once and never shown again */
    value: string;
  };
  CreateTask: {
    /** `run`: a container of its own does it, as a job, and exit code 0 completes it. `http`: a member of the pool gets the payload as a request, and an answer of 2xx completes it */
    mode: "run" | "http";
    /** The same key is the same task of this application, as long as that is kept; default: each request is one */
    idempotency_key?: string;
    /** A text as it is, anything else as JSON; at most 16 KiB. Default: none */
    payload?: unknown;
    /** How its container runs; only with `mode: run`. Image and size are the application's */
    run?: {
      /** What its containers run; default: the application's */
      entrypoint?: string[];
      /** Arguments of `entrypoint`; default: none, and the application's where `entrypoint` is */
      command?: string[];
      /** Beside the application's; one of the same name is in its place */
      environment_variables?: {
        /** The variable's name in the container */
        name: string;
        /** Its value, as it is; anybody who may read the application sees it */
        value: string;
      }[];
      /** Failed tries that are tried again, before the task is dead. Default: 3 */
      retries?: number;
      /** Tries that the platform may lose; default: 10 */
      loss_retries?: number;
      /** Wait before a failed try is repeated; doubles. Default: 10 s */
      backoff?: number | string;
      /** The longest such wait; default: 6 min */
      max_backoff?: number | string;
      /** Of an attempt, from its start: SIGTERM, after `stop_grace` SIGKILL. Default: none */
      timeout?: number | string;
      /** Of the job, from its first attempt; it goes before retries. Default: none */
      deadline?: number | string;
      /** What exit codes mean; the first rule that fits decides */
      failure_policy?: ({
        /** `fail_job`: the job has failed. `fail_index`: the index has, and others go on. `ignore`: tried again and not counted. `count`: counted against `retries`, as without a rule */
        action: "fail_job" | "fail_index" | "ignore" | "count";
        /** Of which exit codes it is */
        exit_codes: {
          /** Whether the code is to be one of `values`, or none of them */
          operator: "in" | "not_in";
          /** Exit codes; 0 is success and cannot be in them where they are `in` */
          values: number[];
        };
      })[];
      /** `false`: no shell of the image keeps exit code and output. Default: true */
      shell?: boolean;
    };
    /** The request; only with `mode: http` */
    http?: {
      /** What is called, with its query; default: `/` */
      path?: string;
      /** Default: `POST` */
      method?: "POST" | "PUT" | "PATCH" | "DELETE" | "GET";
      /** Beside `content-type`, which follows from the payload unless it is given here */
      headers?: Record<string, string>;
      /** Of a try, to the end of the answer; default: 60 s */
      timeout?: number | string;
      /** How long a try waits for a ready member, before it has failed (`NoReadyInstance`); default: 10 min */
      wait?: number | string;
      /** Failed tries that are tried again, before the task is dead. Default: 3 */
      retries?: number;
      /** Wait before a failed try is repeated; doubles. Default: 10 s */
      backoff?: number | string;
      /** The longest such wait; default: 6 min */
      max_backoff?: number | string;
    };
    /** Tasks of one key take turns with those of every other; default: one key for all */
    fairness_key?: string;
    /** It begins no sooner than after this; default: 0 */
    delay?: number | string;
    /** How long it is kept after its end, dead ones 7 days at least; default: 1 h */
    ttl?: number | string;
  };
  CreateTasks: {
    /** All of them are taken, or none */
    tasks: Schemas["CreateTask"][];
  };
  CreateToken: {
    /** What lists and audit rows show beside the token's id */
    name: string;
    /** What the token may do; each operation names the one that it takes */
    scopes: ("read" | "deploy" | "operate" | "invoke" | "job:submit" | "admin")[];
    /** Ids or names of the applications that it reaches, others are not there for it; default: all */
    applications?: string[];
    /** When it stops working; default: never */
    expires_at?: string;
    /** How long it works from its creation, in place of expires_at */
    ttl?: number | string;
    /** Its own rate; default: 2,000 requests a second */
    rate_limit?: {
      /** Beyond it requests are refused with 429 */
      requests_per_second: number;
    };
  };
  Credentials: {
    account_id: string;
    registry_host: string;
    username: string;
    /** absent where the password is a secret of the account */
    password?: string;
  };
  CredentialsInput: {
    /** What the credentials allow; required for the managed registry, ignored where credentials are configured */
    permissions?: ("pull" | "push" | "list" | "library_push")[];
    /** Minutes until they expire; required for the managed registry, ignored where credentials are configured */
    expiration_minutes?: number;
    /** Of the managed registry only: the repositories that they are for, `team/web` or `team/*`; default: all of the account */
    repositories?: string[];
  };
  DashApplication: {
    id: string;
    name: string;
    created_at: string;
    updated_at: string;
    version: number;
    instances: number;
    image: string;
    health: Schemas["Health"];
    state: Schemas["ApplicationState"];
  };
  DashInstances: {
    instances: {
      id: string;
      created_at: string;
      location: string;
      app_version: number;
      name: string;
      image: string;
      current_placement: {
        id: string;
        created_at: string;
        deployment_id: string;
        deployment_version: number;
        terminate: boolean;
        status: {
          health: string;
          container_status: string;
          ready: boolean;
        };
      };
    }[];
    durable_objects: {
      id: string;
      deployment_id: string;
      placement_id: string;
      assigned_at: string;
      name: string;
    }[];
  };
  DeletedJob: {
    message: string;
  };
  DeletedRegistry: {
    domain: string;
    /** `<store id>:<secret name>`: the secret is left as it is */
    secrets_store_ref?: string;
  };
  DeletedTask: {
    message: string;
  };
  Deployment: {
    /** The container's size by name; `dev` is lite, `standard` is standard-1. Default: the account's size */
    instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
    vcpu: number;
    memory_mib: number;
    disk: {
      size_mb: number;
    };
    /** Variables that the container starts with; default: Gantry's own only */
    environment_variables?: {
      /** The variable's name in the container */
      name: string;
      /** Its value, as it is; anybody who may read the application sees it */
      value: string;
    }[];
    /** Secrets of the account that the container gets as environment variables; default: none */
    secrets?: Schemas["SecretReference"][];
    /** Keys of the account whose lines the container finds in GANTRY_AUTHORIZED_KEYS; default: none */
    ssh_public_key_ids?: string[];
    /** Further lines of GANTRY_AUTHORIZED_KEYS, from which an image with an SSH server takes them */
    authorized_keys?: Schemas["InlineSshKey"][];
    /** Lines of GANTRY_TRUSTED_USER_CA_KEYS: authorities whose certificates an SSH server accepts */
    trusted_user_ca_keys?: Schemas["InlineSshKey"][];
    /** Access by `wrangler containers ssh`, of containers that are started from then on; default: none */
    wrangler_ssh?: {
      /** Whether `wrangler containers ssh` is let through to the container */
      enabled: boolean;
      /** Where the container's SSH server listens, told to it as GANTRY_SSH_PORT; default: 22 */
      port?: number;
    };
    /** Like the application's own `observability`, as of a version; give one of the two. Default: off */
    observability?: {
      logs: Schemas["LogsSwitch"];
    };
    /** Labels that the platform keeps with the container, shown in metrics too; default: Gantry's own only */
    labels?: {
      /** The label's name, of at most 16 bytes */
      name: string;
      /** Its value, of at most 64 bytes */
      value: string;
    }[];
    /** Replaces the image's entrypoint and its default arguments */
    entrypoint?: string[];
    /** Arguments of `entrypoint`, which it needs */
    command?: string[];
    /** Ports that the container listens on; requests that name none go to the first. Default: 8080, unnamed */
    ports?: Schemas["NamedPort"][];
    /** Ports, by number or by their name in `ports`, that must all accept connections: by `startup_deadline`, and from then on for traffic. Without `ports` these are its ports, the first being where requests go. Default: none */
    required_ports?: Schemas["RequiredPort"][];
    network: {
      mode: string;
      ipv4?: string;
      ipv6?: string;
    };
    /** What a container is asked while it lives; default: the first port must accept connections */
    checks?: Schemas["CheckAnswer"][];
    /** Whether the container gets a token of the bridge in GANTRY_BRIDGE_TOKEN, to speak to it from outside its own network; it ends with the container. Default: false, since inside no token is needed */
    bridge_token?: boolean;
    /** A container that has not started, and passed its startup checks, this long after its launch is ended; default: 120s */
    startup_deadline?: number | string;
    /** In a stop, requests, streams and WebSockets under way may take this long before SIGTERM; default: 5s */
    drain_timeout?: number | string;
    /** Time from SIGTERM to SIGKILL in a stop; default: 10s */
    stop_grace?: number | string;
    /** A container gets its SIGTERM this long after its launch, busy or not; default: never */
    hard_timeout?: number | string;
    /** A named instance that has nothing under way for this long is stopped until it is called; default: 10m */
    sleep_after?: number | string;
    /** A container that says through the bridge that it is busy is spared sleep, rollouts and scale-down for so long; default: 1h */
    max_hold?: number | string;
    id: string;
    /** of a standalone deployment that was given one */
    name?: string;
    account_id: string;
    /** the object that owns its container; names it in Docker on a developer's machine */
    instance_id: string;
    /** the application that it belongs to; a standalone one has none */
    app_id?: string;
    app_version?: number;
    created_at: string;
    /** 0 for the first configuration, and one more with each that follows */
    version: number;
    type: "default";
    image: string;
    /** where it was asked to run; `auto`: anywhere */
    location: {
      name: string;
      enabled: boolean;
      region?: string;
    };
    memory: string;
    current_placement?: Schemas["Placement"];
    placements_ref: string;
    state: {
      current: "scheduled" | "placed";
      last_updated: string;
    };
    [field: string]: unknown;
  };
  DomainError: {
    /** the code, which is the contract */
    error: "VALIDATE_INPUT" | "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE" | "IMAGE_REGISTRY_NOT_CONFIGURED" | "IMAGE_REGISTRY_RETURNED_ERROR" | "SURPASSED_BASE_LIMITS" | "SURPASSED_TOTAL_LIMITS" | "LOCATION_NOT_ALLOWED" | "LOCATION_SURPASSED_BASE_LIMITS" | "WRITE_CONFLICT" | "NO_OWN_ADDRESS" | "PORT_NOT_PUBLIC" | "INSTANCE_NOT_READY" | "ADDRESS_POOL_EXHAUSTED" | "UNAUTHORIZED" | "FORBIDDEN" | "ACCOUNT_NOT_FOUND" | "APPLICATION_NOT_FOUND" | "INSTANCE_NOT_FOUND" | "ROUTE_NOT_FOUND" | "METHOD_NOT_ALLOWED" | "APPLICATION_ALREADY_EXISTS" | "HOSTNAME_TAKEN" | "INSTANCE_HELD" | "INSTANCE_NOT_NAMED" | "INSTANCE_LEAVING" | "INSTANCE_NOT_RUNNING" | "START_CONFLICT" | "SNAPSHOT_NOT_FOUND" | "SNAPSHOT_IN_USE" | "SNAPSHOT_LIMIT_REACHED" | "SNAPSHOT_NOT_AVAILABLE" | "PLACEMENT_NOT_CURRENT" | "DESTROY_IS_DELETE" | "LEASE_HELD" | "LEASE_NOT_FOUND" | "VERSION_MOVED" | "DURABLE_OBJECT_ALREADY_HAS_APPLICATION" | "DEPLOYMENT_NOT_FOUND" | "DEPLOYMENT_ALREADY_EXISTS" | "PLACEMENT_NOT_FOUND" | "ROLLOUT_NOT_FOUND" | "ROLLOUT_IN_USE" | "WAIT_TIMEOUT" | "VERSION_NOT_FOUND" | "CURSOR_EXPIRED" | "BODY_TOO_LARGE" | "UNSUPPORTED_MEDIA_TYPE" | "TOO_MANY_WATCHERS" | "INSTANCE_LIMIT_REACHED" | "INSTANCE_CORDONED" | "INSTANCE_CANNOT_START" | "SSH_NOT_AVAILABLE" | "SIGNATURE_REFUSED" | "EXEC_TIMEOUT" | "EXEC_OUTPUT_TOO_LARGE" | "QUEUE_FULL" | "NO_OTHER_INSTANCE" | "NO_READY_INSTANCE" | "SCALED_TO_ZERO" | "INSTANCE_UNREACHABLE" | "TOKEN_NOT_FOUND" | "OWNED_BY_ANOTHER" | "ACCOUNT_NOT_EMPTY" | "PRECONDITION_FAILED" | "IDEMPOTENCY_IN_PROGRESS" | "IDEMPOTENCY_KEY_REUSED" | "RATE_LIMITED" | "MASTER_KEY_MISSING" | "SECRET_UNREADABLE" | "SECRET_NAME_ALREADY_EXISTS" | "SECRET_NAME_NOT_FOUND" | "SECRET_IN_USE" | "SSH_PUBLIC_KEY_ALREADY_EXISTS" | "SSH_PUBLIC_KEY_NOT_FOUND" | "SSH_PUBLIC_KEY_IN_USE" | "IMAGE_REGISTRY_NOT_ALLOWED" | "IMAGE_REGISTRY_ALREADY_EXISTS" | "IMAGE_REGISTRY_NOT_FOUND" | "IMAGE_REGISTRY_IN_USE" | "IMAGE_REGISTRY_IS_PUBLIC" | "IMAGE_REGISTRY_PROTOCOL_ALREADY_EXISTS" | "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND" | "IMAGE_REPOSITORY_NOT_FOUND" | "IMAGE_NOT_FOUND" | "IMAGE_IN_USE" | "IMAGE_REGISTRY_PROTO_IS_REFERENCED" | "SECRETS_STORE_NOT_FOUND" | "PLACEMENT_ENDED" | "JOB_NOT_FOUND" | "JOB_ATTEMPT_NOT_FOUND" | "JOB_CREATE_NOT_ALLOWED" | "JOB_FINISHED" | "SCHEDULE_NOT_FOUND" | "SCHEDULE_ALREADY_EXISTS" | "SCHEDULE_LIMIT_REACHED" | "SCHEDULE_BUSY" | "TASK_NOT_FOUND" | "TASK_FINISHED" | "TASKS_FULL" | "JOB_INSTANCE" | "LOGS_NOT_AVAILABLE" | "NO_JOB" | "HOLD_EXPIRED" | "NO_BRIDGE_TARGET" | "BRIDGE_TARGET_FAILED" | "BRIDGE_RESULT_TOO_LARGE" | "BRIDGE_TIMEOUT" | "CALL_LOOP" | "EGRESS_DENIED" | "BINDING_NOT_GRANTED" | "BINDING_NOT_AVAILABLE" | "BINDING_FAILED" | "KEY_NOT_FOUND" | "LENGTH_REQUIRED" | "RANGE_NOT_SATISFIABLE" | "CHECKSUM_MISMATCH" | "EGRESS_OPEN" | "EGRESS_UPSTREAM_FAILED" | "EGRESS_MISCONFIGURED" | "CREDENTIAL_UNAVAILABLE" | "NO_EGRESS_HANDLER" | "EGRESS_HANDLER_FAILED" | "INTERNAL";
    message: string;
    /** whether the same request may succeed later */
    retryable: boolean;
    /** what explains the error: field names, limits, ids; `reason` is a sentence to show */
    details: Record<string, string | number | boolean | null | string[]>;
  };
  Egress: {
    default: "deny" | "allow";
    allow?: (string | {
      host: string;
      ports?: number[];
      methods?: string[];
    })[];
    deny?: (string | {
      host: string;
      ports?: number[];
      methods?: string[];
    })[];
    intercept_https?: false;
    open?: true;
    credentials?: {
      hosts: string[];
      header: string;
      prefix?: string;
      /** the secret's name; its value is never shown */
      secret: string;
      optional?: true;
      methods?: string[];
      paths?: string[];
    }[];
    handlers?: {
      hosts: string[];
      methods?: string[];
      binding: string;
    }[];
    internal?: string[];
    bindings?: ({
      type: "r2" | "kv" | "do";
      binding: string;
      prefix: string;
      access: "read" | "write";
    })[];
    registry?: string[];
  };
  EgressDenial: {
    /** the instance's `id` */
    instance: string;
    host: string;
    method: string;
    reason: "denied" | "not_allowed" | "private_address" | "https_off" | "credential_scope" | "malformed";
    /** what of the policy denies it */
    rule: string;
    message: string;
    count: number;
    first_at: string;
    last_at: string;
  };
  EgressInput: {
    /** What happens to a host that no list names; private addresses are denied either way. Default: deny */
    default?: "deny" | "allow";
    /** Hosts that may be reached; where it is given everything else is denied, and `[]` denies all. `api.example.com`; `*.example.com`, which is everything below it and not itself; an address; or a range such as 10.0.0.0/8 */
    allow?: (string | {
      /** `api.example.com`; `*.example.com`, which is everything below it and not itself; an address; or a range such as 10.0.0.0/8 */
      host: string;
      /** 80, 443 or both; default: both */
      ports?: number[];
      /** Methods that it is about; default: all */
      methods?: string[];
    })[];
    /** Hosts that may not be reached, whatever else says so; default: none */
    deny?: (string | {
      /** `api.example.com`; `*.example.com`, which is everything below it and not itself; an address; or a range such as 10.0.0.0/8 */
      host: string;
      /** 80, 443 or both; default: both */
      ports?: number[];
      /** Methods that it is about; default: all */
      methods?: string[];
    })[];
    /** `false`: nothing is reached by HTTPS, and the image need not trust the certificate. Default: true */
    intercept_https?: boolean;
    /** Containers get the platform's own way to the internet, past all of this; only with `default: allow` and no other rule, and from the next start on. Default: false */
    open?: boolean;
    /** Headers with secrets that are added outside the container; default: none */
    credentials?: {
      /** Hosts whose requests get the header */
      hosts: string[];
      /** Header that is set outside the container; one of that name that the container sends is overwritten */
      header: string;
      /** Put before the secret's value, such as `Bearer `; default: nothing */
      prefix?: string;
      /** Name of the account's secret whose value it is; the container never has it */
      secret: string;
      /** `true`: the secret may be made later, and deleted at any time; without it nothing is sent to these hosts. Default: false */
      optional?: boolean;
      /** Methods that may be used with it, other ones are denied; default: all */
      methods?: string[];
      /** Paths that may be asked for with it, other ones are denied; a `*` at the end is all below. Default: all */
      paths?: string[];
    }[];
    /** Workers that answer for hosts; the first that fits is asked. Default: none */
    handlers?: {
      /** Hosts whose requests go to the Worker; they must be allowed as well */
      hosts: string[];
      /** Methods that it is about; default: all */
      methods?: string[];
      /** Name of a service binding of the control plane; the Worker answers, changes the request or passes it on */
      binding: string;
    }[];
    /** Applications that may be called as `<name>.gantry.internal` and by the addresses of their instances; `*`: every one of the account. Default: none */
    internal?: string[];
    /** Bindings of the control plane that may be used by `r2.`, `kv.` and `do.gantry.internal`; default: none */
    bindings?: ({
      /** R2 bucket, KV namespace or Durable Object namespace */
      type: "r2" | "kv" | "do";
      /** Name of the binding of the control plane */
      binding: string;
      /** Keys, or names of objects, that begin with it; `{name}` in it stands for what the calling instance is called by. Default: all */
      prefix?: string;
      /** `write` includes reading; default: read */
      access?: "read" | "write";
    })[];
    /** Repositories of the account's own registry that may be read by `registry.gantry.internal`: `team/web`, `team/*`, or `*` for all. Default: none */
    registry?: string[];
  };
  /** an error of the legacy base */
  Error: {
    /** the code, which is the contract */
    error: "VALIDATE_INPUT" | "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE" | "IMAGE_REGISTRY_NOT_CONFIGURED" | "IMAGE_REGISTRY_RETURNED_ERROR" | "SURPASSED_BASE_LIMITS" | "SURPASSED_TOTAL_LIMITS" | "LOCATION_NOT_ALLOWED" | "LOCATION_SURPASSED_BASE_LIMITS" | "WRITE_CONFLICT" | "NO_OWN_ADDRESS" | "PORT_NOT_PUBLIC" | "INSTANCE_NOT_READY" | "ADDRESS_POOL_EXHAUSTED" | "UNAUTHORIZED" | "FORBIDDEN" | "ACCOUNT_NOT_FOUND" | "APPLICATION_NOT_FOUND" | "INSTANCE_NOT_FOUND" | "ROUTE_NOT_FOUND" | "METHOD_NOT_ALLOWED" | "APPLICATION_ALREADY_EXISTS" | "HOSTNAME_TAKEN" | "INSTANCE_HELD" | "INSTANCE_NOT_NAMED" | "INSTANCE_LEAVING" | "INSTANCE_NOT_RUNNING" | "START_CONFLICT" | "SNAPSHOT_NOT_FOUND" | "SNAPSHOT_IN_USE" | "SNAPSHOT_LIMIT_REACHED" | "SNAPSHOT_NOT_AVAILABLE" | "PLACEMENT_NOT_CURRENT" | "DESTROY_IS_DELETE" | "LEASE_HELD" | "LEASE_NOT_FOUND" | "VERSION_MOVED" | "DURABLE_OBJECT_ALREADY_HAS_APPLICATION" | "DEPLOYMENT_NOT_FOUND" | "DEPLOYMENT_ALREADY_EXISTS" | "PLACEMENT_NOT_FOUND" | "ROLLOUT_NOT_FOUND" | "ROLLOUT_IN_USE" | "WAIT_TIMEOUT" | "VERSION_NOT_FOUND" | "CURSOR_EXPIRED" | "BODY_TOO_LARGE" | "UNSUPPORTED_MEDIA_TYPE" | "TOO_MANY_WATCHERS" | "INSTANCE_LIMIT_REACHED" | "INSTANCE_CORDONED" | "INSTANCE_CANNOT_START" | "SSH_NOT_AVAILABLE" | "SIGNATURE_REFUSED" | "EXEC_TIMEOUT" | "EXEC_OUTPUT_TOO_LARGE" | "QUEUE_FULL" | "NO_OTHER_INSTANCE" | "NO_READY_INSTANCE" | "SCALED_TO_ZERO" | "INSTANCE_UNREACHABLE" | "TOKEN_NOT_FOUND" | "OWNED_BY_ANOTHER" | "ACCOUNT_NOT_EMPTY" | "PRECONDITION_FAILED" | "IDEMPOTENCY_IN_PROGRESS" | "IDEMPOTENCY_KEY_REUSED" | "RATE_LIMITED" | "MASTER_KEY_MISSING" | "SECRET_UNREADABLE" | "SECRET_NAME_ALREADY_EXISTS" | "SECRET_NAME_NOT_FOUND" | "SECRET_IN_USE" | "SSH_PUBLIC_KEY_ALREADY_EXISTS" | "SSH_PUBLIC_KEY_NOT_FOUND" | "SSH_PUBLIC_KEY_IN_USE" | "IMAGE_REGISTRY_NOT_ALLOWED" | "IMAGE_REGISTRY_ALREADY_EXISTS" | "IMAGE_REGISTRY_NOT_FOUND" | "IMAGE_REGISTRY_IN_USE" | "IMAGE_REGISTRY_IS_PUBLIC" | "IMAGE_REGISTRY_PROTOCOL_ALREADY_EXISTS" | "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND" | "IMAGE_REPOSITORY_NOT_FOUND" | "IMAGE_NOT_FOUND" | "IMAGE_IN_USE" | "IMAGE_REGISTRY_PROTO_IS_REFERENCED" | "SECRETS_STORE_NOT_FOUND" | "PLACEMENT_ENDED" | "JOB_NOT_FOUND" | "JOB_ATTEMPT_NOT_FOUND" | "JOB_CREATE_NOT_ALLOWED" | "JOB_FINISHED" | "SCHEDULE_NOT_FOUND" | "SCHEDULE_ALREADY_EXISTS" | "SCHEDULE_LIMIT_REACHED" | "SCHEDULE_BUSY" | "TASK_NOT_FOUND" | "TASK_FINISHED" | "TASKS_FULL" | "JOB_INSTANCE" | "LOGS_NOT_AVAILABLE" | "NO_JOB" | "HOLD_EXPIRED" | "NO_BRIDGE_TARGET" | "BRIDGE_TARGET_FAILED" | "BRIDGE_RESULT_TOO_LARGE" | "BRIDGE_TIMEOUT" | "CALL_LOOP" | "EGRESS_DENIED" | "BINDING_NOT_GRANTED" | "BINDING_NOT_AVAILABLE" | "BINDING_FAILED" | "KEY_NOT_FOUND" | "LENGTH_REQUIRED" | "RANGE_NOT_SATISFIABLE" | "CHECKSUM_MISMATCH" | "EGRESS_OPEN" | "EGRESS_UPSTREAM_FAILED" | "EGRESS_MISCONFIGURED" | "CREDENTIAL_UNAVAILABLE" | "NO_EGRESS_HANDLER" | "EGRESS_HANDLER_FAILED" | "INTERNAL";
    message: string;
    /** whether the same request may succeed later */
    retryable: boolean;
    /** what explains the error: field names, limits, ids; `reason` is a sentence to show */
    details: Record<string, string | number | boolean | null | string[]>;
    request_id: string;
  };
  ErrorEnvelope: {
    success: false;
    errors: ({
      /** Cloudflare's number */
      code: number;
      /** what stands beside it, as Cloudflare's clients read it; a sentence where it is about who asks */
      message: string;
      error: "VALIDATE_INPUT" | "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE" | "IMAGE_REGISTRY_NOT_CONFIGURED" | "IMAGE_REGISTRY_RETURNED_ERROR" | "SURPASSED_BASE_LIMITS" | "SURPASSED_TOTAL_LIMITS" | "LOCATION_NOT_ALLOWED" | "LOCATION_SURPASSED_BASE_LIMITS" | "WRITE_CONFLICT" | "NO_OWN_ADDRESS" | "PORT_NOT_PUBLIC" | "INSTANCE_NOT_READY" | "ADDRESS_POOL_EXHAUSTED" | "UNAUTHORIZED" | "FORBIDDEN" | "ACCOUNT_NOT_FOUND" | "APPLICATION_NOT_FOUND" | "INSTANCE_NOT_FOUND" | "ROUTE_NOT_FOUND" | "METHOD_NOT_ALLOWED" | "APPLICATION_ALREADY_EXISTS" | "HOSTNAME_TAKEN" | "INSTANCE_HELD" | "INSTANCE_NOT_NAMED" | "INSTANCE_LEAVING" | "INSTANCE_NOT_RUNNING" | "START_CONFLICT" | "SNAPSHOT_NOT_FOUND" | "SNAPSHOT_IN_USE" | "SNAPSHOT_LIMIT_REACHED" | "SNAPSHOT_NOT_AVAILABLE" | "PLACEMENT_NOT_CURRENT" | "DESTROY_IS_DELETE" | "LEASE_HELD" | "LEASE_NOT_FOUND" | "VERSION_MOVED" | "DURABLE_OBJECT_ALREADY_HAS_APPLICATION" | "DEPLOYMENT_NOT_FOUND" | "DEPLOYMENT_ALREADY_EXISTS" | "PLACEMENT_NOT_FOUND" | "ROLLOUT_NOT_FOUND" | "ROLLOUT_IN_USE" | "WAIT_TIMEOUT" | "VERSION_NOT_FOUND" | "CURSOR_EXPIRED" | "BODY_TOO_LARGE" | "UNSUPPORTED_MEDIA_TYPE" | "TOO_MANY_WATCHERS" | "INSTANCE_LIMIT_REACHED" | "INSTANCE_CORDONED" | "INSTANCE_CANNOT_START" | "SSH_NOT_AVAILABLE" | "SIGNATURE_REFUSED" | "EXEC_TIMEOUT" | "EXEC_OUTPUT_TOO_LARGE" | "QUEUE_FULL" | "NO_OTHER_INSTANCE" | "NO_READY_INSTANCE" | "SCALED_TO_ZERO" | "INSTANCE_UNREACHABLE" | "TOKEN_NOT_FOUND" | "OWNED_BY_ANOTHER" | "ACCOUNT_NOT_EMPTY" | "PRECONDITION_FAILED" | "IDEMPOTENCY_IN_PROGRESS" | "IDEMPOTENCY_KEY_REUSED" | "RATE_LIMITED" | "MASTER_KEY_MISSING" | "SECRET_UNREADABLE" | "SECRET_NAME_ALREADY_EXISTS" | "SECRET_NAME_NOT_FOUND" | "SECRET_IN_USE" | "SSH_PUBLIC_KEY_ALREADY_EXISTS" | "SSH_PUBLIC_KEY_NOT_FOUND" | "SSH_PUBLIC_KEY_IN_USE" | "IMAGE_REGISTRY_NOT_ALLOWED" | "IMAGE_REGISTRY_ALREADY_EXISTS" | "IMAGE_REGISTRY_NOT_FOUND" | "IMAGE_REGISTRY_IN_USE" | "IMAGE_REGISTRY_IS_PUBLIC" | "IMAGE_REGISTRY_PROTOCOL_ALREADY_EXISTS" | "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND" | "IMAGE_REPOSITORY_NOT_FOUND" | "IMAGE_NOT_FOUND" | "IMAGE_IN_USE" | "IMAGE_REGISTRY_PROTO_IS_REFERENCED" | "SECRETS_STORE_NOT_FOUND" | "PLACEMENT_ENDED" | "JOB_NOT_FOUND" | "JOB_ATTEMPT_NOT_FOUND" | "JOB_CREATE_NOT_ALLOWED" | "JOB_FINISHED" | "SCHEDULE_NOT_FOUND" | "SCHEDULE_ALREADY_EXISTS" | "SCHEDULE_LIMIT_REACHED" | "SCHEDULE_BUSY" | "TASK_NOT_FOUND" | "TASK_FINISHED" | "TASKS_FULL" | "JOB_INSTANCE" | "LOGS_NOT_AVAILABLE" | "NO_JOB" | "HOLD_EXPIRED" | "NO_BRIDGE_TARGET" | "BRIDGE_TARGET_FAILED" | "BRIDGE_RESULT_TOO_LARGE" | "BRIDGE_TIMEOUT" | "CALL_LOOP" | "EGRESS_DENIED" | "BINDING_NOT_GRANTED" | "BINDING_NOT_AVAILABLE" | "BINDING_FAILED" | "KEY_NOT_FOUND" | "LENGTH_REQUIRED" | "RANGE_NOT_SATISFIABLE" | "CHECKSUM_MISMATCH" | "EGRESS_OPEN" | "EGRESS_UPSTREAM_FAILED" | "EGRESS_MISCONFIGURED" | "CREDENTIAL_UNAVAILABLE" | "NO_EGRESS_HANDLER" | "EGRESS_HANDLER_FAILED" | "INTERNAL";
      retryable: boolean;
      /** what explains the error: field names, limits, ids; `reason` is a sentence to show */
      details: Record<string, string | number | boolean | null | string[]>;
    })[];
    messages: unknown[];
    result: null;
  };
  Event: {
    id: string;
    time: string;
    type: "Info" | "Warn" | "Error" | "UserError" | "SystemError";
    name: string;
    message: string;
    details: Record<string, string | number | boolean | null>;
    statusChange: Record<string, never> | {
      health: string;
      ready: boolean;
    };
    deployment_id?: string;
    generation?: number;
  };
  Exec: {
    /** The program; a shell's syntax needs a shell: `sh` with `-c` */
    command: string;
    /** Its arguments; default: none */
    args?: string[];
    /** Where it runs; default: the image's own */
    cwd?: string;
    /** Variables beside those of the container; default: none */
    env?: Record<string, string>;
    /** It is killed after so many milliseconds; default: one minute */
    timeout_ms?: number;
    /** It is killed when it prints more bytes, both streams together; default: 1000000 */
    max_output_bytes?: number;
    /** As `…/exec/challenges` has given it for this very command */
    challenge: string;
    /** What `ssh-keygen -Y sign -n gantry-exec` makes of the challenge, by an ed25519 key of the account's `ssh-public-keys` */
    signature: string;
  };
  ExecChallenge: {
    /** The program; a shell's syntax needs a shell: `sh` with `-c` */
    command: string;
    /** Its arguments; default: none */
    args?: string[];
    /** Where it runs; default: the image's own */
    cwd?: string;
    /** Variables beside those of the container; default: none */
    env?: Record<string, string>;
    /** It is killed after so many milliseconds; default: one minute */
    timeout_ms?: number;
    /** It is killed when it prints more bytes, both streams together; default: 1000000 */
    max_output_bytes?: number;
  };
  Explain: {
    instance_id: string;
    name: string;
    deployment_id: string;
    requested_location: string | null;
    location: {
      name: string;
      region: string;
    };
    /** null: it was placed before there were locations */
    decided_at: string | null;
    decision: {
      /** null: nowhere, for the reasons in `filtered` */
      location: string | null;
      /** the locations that were left, in the account's order */
      table: {
        location: string;
        /** the mean of its scores; the highest wins, then the fewest instances, then the order of regions and codes */
        score: number;
        scores: {
          spread?: number;
          weight?: number;
          colocation?: number;
          headroom?: number;
          penalty?: number;
        };
      }[];
      /** how many locations each filter kept out */
      filtered: {
        disabled: number;
        regions: number;
        jurisdiction: number;
        cities: number;
        pops: number;
        capacity: number;
      };
    } | null;
    /** how many in a row before it were found in a wrong place */
    misplaced_before: number;
    blocked: Schemas["Blocked"] | null;
  };
  Gate: {
    /** How events and measurements name it; unique in its rollout */
    name: string;
    /** `error_rate`: the share of requests to the target version that end with 5xx. `webhook`: a URL is asked. `check`: each instance at the target is asked */
    type: "error_rate" | "webhook" | "check";
    /** Of an error rate: the share that still passes, 0 to 1 */
    max_ratio?: number;
    /** Of an error rate: of fewer requests nothing is known, which is inconclusive; default: 1 */
    min_requests?: number;
    /** Of a webhook: it gets a POST with the rollout as JSON */
    url?: string;
    /** Of a check: path and query of the request */
    path?: string;
    /** Of a check: the port that is asked; default: the first one */
    port?: number;
    /** Of a check: statuses that pass; default: 200 to 399 */
    expect_status?: number[];
    /** Time between one measurement and the next; default: 10s */
    interval?: number | string;
    /** So many measurements that pass are enough; default: 1 */
    count?: number;
    /** More measurements than so many that fail, and the rollout has failed; default: 0 */
    failure_limit?: number;
    /** A measurement that takes longer is inconclusive; default: 10s */
    timeout?: number | string;
    /** `true`: it is measured and shown, and decides nothing; default: false */
    dry_run?: boolean;
  };
  Health: {
    instances: {
      /** running, and ready at least once */
      active: number;
      /** bound to an object whose container does not run yet */
      assigned: number;
      /** taking traffic */
      healthy: number;
      /** waiting after a failure of their own */
      failed: number;
      /** started, and not ready for the first time */
      starting: number;
      /** wanted, without a container */
      scheduling: number;
    };
    /** instances that wait after a failure of their own */
    errors: {
      /** the instance's `id` */
      instance_id: string;
      /** how its last container ended, and how often in a row */
      event: string;
    }[];
  };
  ImagePreparation: {
    image: string;
    status: "pending" | "ready" | "error";
    artifact_digest?: string;
    reason?: string;
  };
  IngressMode: "private" | "token" | "public";
  InlineSshKey: {
    /** `ssh-ed25519 <base64> [comment]`: one line of what the container gets */
    public_key: string;
    /** Stands in the line in place of the key's own comment; default: the comment */
    name?: string;
  };
  Instance: {
    id: string;
    application_id: string;
    name: string;
    image: string;
    status: {
      state: Schemas["InstanceState"];
      updated_at: string;
      exit_code?: number;
      /** why there is no container, or why it is not ready */
      reason?: string;
      last_reason?: string;
    };
    configuration: {
      vcpu: number;
      memory: number;
      disk: number;
    };
    started_at?: string;
    ready: boolean;
    /** a user stopped it: it stays stopped until it is started */
    held: boolean;
    /** it runs without new traffic */
    cordoned: boolean;
    checks: ({
      name: string;
      kind: "startup" | "ready" | "health";
      state: "pending" | "passing" | "failing";
      since: string;
      detail: string | null;
    })[];
    /** where the container says that it runs; `unknown` when it cannot say */
    location: {
      name: string;
      region: string;
    };
    /** where it was asked to run; null: before there were locations */
    requested_location: string | null;
    blocked?: Schemas["Blocked"];
    /** what its `start` was given in place of the configuration, whose image and size are shown; never the values */
    overridden?: ("env" | "image" | "instance_type" | "snapshot")[];
    deployment_id: string;
    generation: number;
    version: number;
    failures: number;
    losses: number;
    next_start_at?: string;
  };
  InstanceEgress: {
    /** the instance's `id` */
    instance: string;
    /** what holds for it */
    policy: Schemas["Egress"];
    /** what was changed for it alone */
    overrides: {
      allow: {
        /** in place of the policy's list; null: the policy's */
        set: string[] | null;
        added: string[];
        removed: string[];
      };
      deny: {
        /** in place of the policy's list; null: the policy's */
        set: string[] | null;
        added: string[];
        removed: string[];
      };
    };
    /** not all of the policy holds before the instance is started again: it was started without one, and has no HTTPS, or past one */
    restart_needed: boolean;
    /** what shows that the policy holds: a request from inside, the registration where the image has nothing that can make one, or nothing yet, without which it gets no traffic; `open`: it was started past the policy; null: it runs no container */
    verified: "probe" | "registration" | "open" | "pending" | null;
  };
  InstanceState: "provisioning" | "running" | "unhealthy" | "failed" | "stopping" | "stopped";
  Ips: {
    ips: ({
      ip: string;
      ipType: "v4" | "v6";
      /** length of the prefix that the address is of */
      subnetMask: number;
      /** which deployment has it, and whether it stays the account's */
      configuration?: {
        deploymentId?: string;
        accountId?: string;
      };
      /** absent while no deployment has it */
      allocation?: {
        placementID?: string;
        deploymentID?: string;
      };
      /** ports that can be reached at the address */
      portRanges?: {
        start: number;
        end: number;
        allocation?: {
          placementID?: string;
          deploymentID?: string;
        };
      }[];
    })[];
    /** the filters that were applied */
    filters: {
      placementID?: string;
      deploymentID?: string;
      allocated?: boolean;
      ipType?: "v4" | "v6";
    };
  };
  Job: {
    id: string;
    app_id: string;
    name: string;
    created_at: string;
    /** of its first attempt, or the first since it was resumed */
    started_at: string | null;
    finished_at: string | null;
    /** of the application, when the job was made: all its attempts run it */
    version: number;
    status: {
      /** Cloudflare's word for it */
      health: Schemas["JobHealth"];
      /** `finishing`: decided, and something of it is still being stopped */
      state: Schemas["JobState"];
      /** what decided it, such as `CompletionsReached` or `DeadlineExceeded` */
      reason: string | null;
      message: string | null;
      /** attempts that have not ended */
      active: number;
      succeeded: number;
      failed: number;
      /** attempts that the platform lost: not the job's failures */
      lost: number;
      cancelled: number;
      /** failures that a rule said not to count */
      ignored: number;
      /** such as `0-3,7` */
      completed_indexes: string;
      failed_indexes: string;
    };
    /** it was cancelled */
    terminate: boolean;
    suspend: boolean;
    completions: number;
    parallelism: number;
    /** null: no limit but `retries_per_index` */
    retries: number | null;
    retries_per_index: number | null;
    max_failed_indexes: number | null;
    loss_retries: number;
    backoff: number;
    max_backoff: number;
    /** seconds, as the other lengths of time */
    timeout: number | null;
    deadline: number | null;
    ttl: number | null;
    failure_policy: {
      action: string;
      [field: string]: unknown;
    }[];
    success_policy: Record<string, unknown>[];
    fairness_key: string;
    /** the schedule that made it */
    schedule?: string;
    /** the time that it was made for */
    scheduled_at?: string;
    /** the task that it does */
    task?: string;
    /** what it was given in place of the application's */
    overrides: ("entrypoint" | "image" | "instance_type" | "vcpu" | "memory_mib")[];
    /** false: it said so, or its image was found to have none */
    shell: boolean;
    image: string;
    entrypoint: string[];
    command: string[];
    environment_variables: {
      name: string;
      value: string;
    }[];
    /** names, without values */
    secrets: {
      name: string;
      type: "env";
    }[];
    payload: string | null;
    instance_type?: string;
    vcpu: number;
    vcpus: number;
    memory_mib: number;
    memory_mb: number;
    disk: {
      size_mb: number;
    };
    disk_mb: number;
    /** ends of its latest attempts, of a job that is asked for by itself or waited for; else none */
    events: Schemas["Event"][];
  };
  JobHealth: "queued" | "scheduled" | "placed" | "running" | "stopped";
  JobState: "pending" | "running" | "suspended" | "finishing" | "succeeded" | "failed" | "cancelled";
  Lease: {
    owner: string;
    description?: string;
    expires_at: string;
  };
  LogEntry: {
    /** when it was printed, to 10 ms; of an attempt of a job: when that ended */
    time: string;
    /** id of the instance */
    instance: string;
    /** the placement that printed it */
    generation: number;
    stream: "stdout" | "stderr";
    /** as the line says; else info on stdout and error on stderr */
    level: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
    /** the HTTP status that the line is about */
    status: number | null;
    /** the line, at most 16 KiB of it */
    message: string;
    /** number of the line in its stream, from 1 on; empty lines beyond three in a row have none */
    sequence: number;
    /** the line was longer */
    truncated?: boolean;
    /** of a job: the attempt that printed it */
    attempt?: number;
  };
  Logs: {
    entries: Schemas["LogEntry"][];
    /** instances that live, whose logs cannot be read, and why */
    unavailable: ({
      instance: string;
      cause: "no_init" | "no_output_kept" | "no_shell" | "not_running" | "no_answer";
      message: string;
    })[];
  };
  /** The log of the Worker that runs the control plane */
  LogsSwitch: {
    /** Whether each event is also written to the Worker's log, as one line of JSON */
    enabled: boolean;
  };
  Me: {
    external_account_id: string;
    account_id: string;
    legacy_identity: string;
    capabilities: string[];
    limits: {
      account_id: string;
      vcpu_per_deployment: number;
      /** as a text with a unit, for older clients */
      memory_per_deployment: string;
      memory_mib_per_deployment: number;
      /** as a text with a unit, for older clients */
      disk_per_deployment: string;
      disk_mb_per_deployment: number;
      total_instances: number;
      total_vcpu: number;
      /** as a text with a unit, for older clients */
      total_memory: string;
      total_memory_mib: number;
      total_disk_mb: number;
      node_group: "metal";
      network_modes: string[];
      ipv4s: number;
    };
    locations: ({
      location: string;
      name: string;
      region: string;
      city: string | null;
      pop: string | null;
      /** share of an application's instances beside the other locations' */
      weight: number;
      enabled: boolean;
      limits: {
        vcpu_per_deployment: number;
        memory_per_deployment: string;
        memory_mib_per_deployment: number;
        total_vcpu: number;
        total_memory: string;
        total_memory_mib: number;
      };
      /** what may run there at one time */
      capacity: {
        /** null: any */
        instances: number | null;
        /** null: any */
        vcpu: number | null;
        /** null: any */
        memory_mib: number | null;
        /** null: any */
        disk_mb: number | null;
      };
    })[];
    /** what may run at one time, as it is in force */
    capacity: {
      /** null: any */
      instances: number | null;
      /** null: any */
      vcpu: number | null;
      /** null: any */
      memory_mib: number | null;
      /** null: any */
      disk_mb: number | null;
    };
    /** what runs or may begin any moment; counted only while a capacity is set */
    granted: {
      instances: number;
      vcpu: number;
      memory_mib: number;
      disk_mb: number;
      /** instances that wait for room */
      waiting: number;
      locations: {
        location: string;
        instances: number;
        vcpu: number;
        memory_mib: number;
        disk_mb: number;
        /** instances that wait for room */
        waiting: number;
      }[];
    };
    defaults: {
      vcpus: number;
      memory_mib: number;
      memory: string;
      disk_mb: number;
    };
    usage: {
      instances: number;
      vcpu: number;
      memory_mib: number;
      disk_mb: number;
      ipv4s: number;
      /** by location; `auto` is what may run anywhere */
      locations: {
        location: string;
        instances: number;
        vcpu: number;
        memory_mib: number;
        disk_mb: number;
        ipv4s: number;
      }[];
    };
  };
  Message: {
    message: string;
  };
  NamedPort: {
    /** What checks and the variables `CLOUDFLARE_PORT_<name>` call the port; unique */
    name: string;
    /** The port that the container listens on */
    port?: number;
    /** In place of `port`: the first port of these ranges that no other of the configuration has */
    assign_port?: {
      /** First port of the range */
      start: number;
      /** Last port of the range, itself included */
      end: number;
    }[];
  };
  Network: {
    /** Whether an instance has an address of its own: `public` with every port, `public-by-port` with those of `ports`, `private` none; default `private` for applications, `public` for deployments */
    mode?: "public" | "public-by-port" | "private";
    /** An IPv4 address for each instance: `predefined` from the shared range, `account` one that the account keeps; only with mode "public"; default `none` */
    assign_ipv4?: "none" | "predefined" | "account";
    /** An IPv6 address for each instance; mode `public` always has one; default `predefined` with an address, else `none` */
    assign_ipv6?: "none" | "predefined" | "account";
  };
  Owned: {
    kind: "application" | "deployment" | "secret" | "ssh-key" | "registry" | "protocol";
    /** the resource's name; a registry's is its domain, a deployment without a name has its id's */
    name: string;
    owner: string;
  };
  PatchApplication: {
    /** Unique in the account, and part of the application's address; never changes */
    name?: string;
    /** How many instances are wanted */
    instances?: number;
    /** Ceiling of `instances`; lowering it reduces what runs. Default: none */
    max_instances?: number;
    /** Most instances at a time that run because somebody calls them by name; each comes with its first call, sleeps when nobody calls it, and is no member of the pool that `instances` counts. Default: 0, which is none */
    named_instances?: number;
    /** Members of the pool that are kept started and ready beyond `instances`, or beyond what the load asks for: spare ones, which get requests as soon as another one is lost or more are needed. Default: 0 */
    warm?: number;
    /** Who may call the application; default: `GANTRY_DEFAULT_INGRESS` of the control plane, else private */
    ingress?: {
      /** Who may call it from outside: nobody, holders of a token, everybody */
      mode: Schemas["IngressMode"];
    };
    /** Host names under which it is called beside its own; each belongs to one application, and has to be routed to the control plane. Default: none */
    hostnames?: string[];
    /** How often a running container is looked at; default 60 s */
    check_every?: number | string;
    /** Acts at once, on all that runs; default: off. Not beside `configuration.observability` */
    observability?: {
      logs: Schemas["LogsSwitch"];
      /** Refused: is not supported: logs are of all instances */
      target_instance_percentage?: never;
      /** Refused: is not supported: logs are of all instances */
      target_instance_count?: never;
    };
    /** Given when the application is made, and never changed; default: none */
    durable_objects?: {
      /** The Durable Object namespace that the application belongs to; one namespace has one application */
      namespace_id: string;
      /** Refused: is not supported: give namespace_id */
      script_name?: never;
      /** Refused: is not supported: give namespace_id */
      class_name?: never;
    };
    /** The scheduler; only "default" is taken */
    scheduling_policy?: "default";
    /** Where instances may run, given as a whole; default: anywhere */
    constraints?: {
      /** Tiers of machines; only [1, 2], which is all of them, is taken */
      tiers?: number[];
      /** Refused: is not supported: give tiers */
      tier?: never;
      /** Only locations in these regions, in either case; default: all */
      regions?: string[];
      /** Refused: is not supported: give regions, with one in it */
      region?: never;
      /** Only locations that stand for these cities (airport codes, in either case); default: all */
      cities?: string[];
      /** Only locations that stand for these data centres, in either case; default: all */
      pops?: string[];
      /** Only locations in it; objects are made within it. Needs `accept_verified_placement`. Default: none */
      jurisdiction?: "eu" | "us" | "fedramp";
      /** `true`: region and jurisdiction are read inside the container, which takes no traffic before, and is replaced when it is elsewhere, three times at most; default `false` */
      accept_verified_placement?: boolean;
    };
    /** What instances are to be near, given as a whole; default: nothing */
    affinities?: {
      /** What new instances are drawn to: `datacenter`, each other, or the locations of another application's instances. A wish, never a reason not to place. Default: nothing */
      colocation?: "datacenter" | {
        /** Id or name of an application of the account */
        application: string;
      };
      /** Refused: is not supported: the platform chooses the machine */
      hardware_generation?: never;
    };
    /** Seconds: an instance that takes traffic for less than this is not replaced by a rollout yet; default: 0 */
    rollout_active_grace_period?: number;
    /** In place of the one before; `null`: as each field's default says */
    rollout?: Schemas["RolloutPolicy"] | null;
    /** Whether it runs jobs; `true` without `job_instances`: up to 10 containers at a time. Default: false */
    jobs?: boolean;
    /** Most containers of jobs at a time; room for them is kept in the account's limits. Default: 0, no jobs */
    job_instances?: number;
    /** Most tasks of mode `http` that its pool is doing at a time; those of mode `run` are jobs. Default: 20 */
    max_parallel_tasks?: number;
    /** Who goes first where capacity is short; default: 0 */
    priorities?: {
      /** Priority of every instance: higher is placed first, and may stop lower ones to be placed */
      default: number;
    };
    /** Whether instances may be stopped to make room for a higher priority; default: allowed */
    preemption?: "allowed" | "never";
    /** `null` leaves the count where it is */
    autoscaling?: {
      /** Fewest instances; with 0, all sleep after a long time without load */
      min: number;
      /** Most instances; room for them is kept in the account's limits */
      max: number;
      /** Requests, streams and WebSockets at a time that one is to carry */
      target_concurrency?: number;
      /** Requests a second that one is to carry */
      target_rps?: number;
      /** Callers that may wait for a ready instance, for each there is */
      queue_depth?: number;
      /** Time without any load after which none is left, where `min` is 0; default: 10m */
      idle_after?: number | string;
    } | null;
    /** `null`: containers call no Worker any more */
    bridge?: {
      /** Name of a service binding of the control plane, as its wrangler.jsonc says it */
      binding: string;
    } | null;
    /** `null`: nobody hears any more, also not of what has happened already */
    hooks?: {
      /** Name of a service binding of the control plane, as its wrangler.jsonc says it */
      binding: string;
    } | null;
    /** In place of the one before; `null`: nothing outside */
    egress?: Schemas["EgressInput"] | null;
    /** Fields given replace those of the newest version; stored as a version, touching nothing that runs */
    configuration?: {
      /** What the container runs: one of the images that the control plane was deployed with */
      image?: string;
      /** The container's size by name; `dev` is lite, `standard` is standard-1. Default: the account's size */
      instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
      /** Processors of the container; default: the account's, see `/me` */
      vcpu?: number;
      /** Memory in MiB; default: the account's, see `/me` */
      memory_mib?: number;
      /** The container's disk */
      disk?: {
        /** Its size in MB; default: the account's, see `/me` */
        size_mb: number;
      };
      /** Variables that the container starts with; default: Gantry's own only */
      environment_variables?: {
        /** The variable's name in the container */
        name: string;
        /** Its value, as it is; anybody who may read the application sees it */
        value: string;
      }[];
      /** Secrets of the account that the container gets as environment variables; default: none */
      secrets?: Schemas["SecretReference"][];
      /** Keys of the account whose lines the container finds in GANTRY_AUTHORIZED_KEYS; default: none */
      ssh_public_key_ids?: string[];
      /** Further lines of GANTRY_AUTHORIZED_KEYS, from which an image with an SSH server takes them */
      authorized_keys?: Schemas["InlineSshKey"][];
      /** Lines of GANTRY_TRUSTED_USER_CA_KEYS: authorities whose certificates an SSH server accepts */
      trusted_user_ca_keys?: Schemas["InlineSshKey"][];
      /** Access by `wrangler containers ssh`, of containers that are started from then on; default: none */
      wrangler_ssh?: {
        /** Whether `wrangler containers ssh` is let through to the container */
        enabled: boolean;
        /** Where the container's SSH server listens, told to it as GANTRY_SSH_PORT; default: 22 */
        port?: number;
      };
      /** Like the application's own `observability`, as of a version; give one of the two. Default: off */
      observability?: {
        logs: Schemas["LogsSwitch"];
      };
      /** Labels that the platform keeps with the container, shown in metrics too; default: Gantry's own only */
      labels?: {
        /** The label's name, of at most 16 bytes */
        name: string;
        /** Its value, of at most 64 bytes */
        value: string;
      }[];
      /** Replaces the image's entrypoint and its default arguments */
      entrypoint?: string[];
      /** Arguments of `entrypoint`, which it needs */
      command?: string[];
      /** Ports that the container listens on; requests that name none go to the first. Default: 8080, unnamed */
      ports?: Schemas["NamedPort"][];
      /** Ports, by number or by their name in `ports`, that must all accept connections: by `startup_deadline`, and from then on for traffic. Without `ports` these are its ports, the first being where requests go. Default: none */
      required_ports?: Schemas["RequiredPort"][];
      /** Whether each instance has addresses of its own; default: it has none */
      network?: Schemas["Network"];
      /** What a container is asked while it lives; default: the first port must accept connections */
      checks?: Schemas["Check"][];
      /** Whether the container gets a token of the bridge in GANTRY_BRIDGE_TOKEN, to speak to it from outside its own network; it ends with the container. Default: false, since inside no token is needed */
      bridge_token?: boolean;
      /** A container that has not started, and passed its startup checks, this long after its launch is ended; default: 120s */
      startup_deadline?: number | string;
      /** In a stop, requests, streams and WebSockets under way may take this long before SIGTERM; default: 5s */
      drain_timeout?: number | string;
      /** Time from SIGTERM to SIGKILL in a stop; default: 10s */
      stop_grace?: number | string;
      /** A container gets its SIGTERM this long after its launch, busy or not; default: never */
      hard_timeout?: number | string;
      /** A named instance that has nothing under way for this long is stopped until it is called; default: 10m */
      sleep_after?: number | string;
      /** A container that says through the bridge that it is busy is spared sleep, rollouts and scale-down for so long; default: 1h */
      max_hold?: number | string;
    };
  };
  PatchDeployment: {
    /** What the container runs: one of the images that the control plane was deployed with */
    image?: string;
    /** The container's size by name; `dev` is lite, `standard` is standard-1. Default: the account's size */
    instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
    /** Processors of the container; default: the account's, see `/me` */
    vcpu?: number;
    /** Memory in MiB; default: the account's, see `/me` */
    memory_mib?: number;
    /** The container's disk */
    disk?: {
      /** Its size in MB; default: the account's, see `/me` */
      size_mb: number;
    };
    /** Variables that the container starts with; default: Gantry's own only */
    environment_variables?: {
      /** The variable's name in the container */
      name: string;
      /** Its value, as it is; anybody who may read the application sees it */
      value: string;
    }[];
    /** Secrets of the account that the container gets as environment variables; default: none */
    secrets?: Schemas["SecretReference"][];
    /** Keys of the account whose lines the container finds in GANTRY_AUTHORIZED_KEYS; default: none */
    ssh_public_key_ids?: string[];
    /** Further lines of GANTRY_AUTHORIZED_KEYS, from which an image with an SSH server takes them */
    authorized_keys?: Schemas["InlineSshKey"][];
    /** Lines of GANTRY_TRUSTED_USER_CA_KEYS: authorities whose certificates an SSH server accepts */
    trusted_user_ca_keys?: Schemas["InlineSshKey"][];
    /** Access by `wrangler containers ssh`, of containers that are started from then on; default: none */
    wrangler_ssh?: {
      /** Whether `wrangler containers ssh` is let through to the container */
      enabled: boolean;
      /** Where the container's SSH server listens, told to it as GANTRY_SSH_PORT; default: 22 */
      port?: number;
    };
    /** Like the application's own `observability`, as of a version; give one of the two. Default: off */
    observability?: {
      logs: Schemas["LogsSwitch"];
    };
    /** Labels that the platform keeps with the container, shown in metrics too; default: Gantry's own only */
    labels?: {
      /** The label's name, of at most 16 bytes */
      name: string;
      /** Its value, of at most 64 bytes */
      value: string;
    }[];
    /** Replaces the image's entrypoint and its default arguments */
    entrypoint?: string[];
    /** Arguments of `entrypoint`, which it needs */
    command?: string[];
    /** Ports that the container listens on; requests that name none go to the first. Default: 8080, unnamed */
    ports?: Schemas["NamedPort"][];
    /** Ports, by number or by their name in `ports`, that must all accept connections: by `startup_deadline`, and from then on for traffic. Without `ports` these are its ports, the first being where requests go. Default: none */
    required_ports?: Schemas["RequiredPort"][];
    /** Whether each instance has addresses of its own; default: it has none */
    network?: Schemas["Network"];
    /** What a container is asked while it lives; default: the first port must accept connections */
    checks?: Schemas["Check"][];
    /** Whether the container gets a token of the bridge in GANTRY_BRIDGE_TOKEN, to speak to it from outside its own network; it ends with the container. Default: false, since inside no token is needed */
    bridge_token?: boolean;
    /** A container that has not started, and passed its startup checks, this long after its launch is ended; default: 120s */
    startup_deadline?: number | string;
    /** In a stop, requests, streams and WebSockets under way may take this long before SIGTERM; default: 5s */
    drain_timeout?: number | string;
    /** Time from SIGTERM to SIGKILL in a stop; default: 10s */
    stop_grace?: number | string;
    /** A container gets its SIGTERM this long after its launch, busy or not; default: never */
    hard_timeout?: number | string;
    /** Refused: has no effect: only named instances of an application sleep */
    sleep_after?: never;
    /** A container that says through the bridge that it is busy is spared sleep, rollouts and scale-down for so long; default: 1h */
    max_hold?: number | string;
    /** Where it is asked to run, told to the container as GANTRY_LOCATION and held against the location's limits: afr, apac, eeur, enam, me, oc, sam, weur, wnam */
    location?: string;
    /** Refused: cannot be changed: delete the deployment and create it again */
    name?: never;
    /** Refused: is not supported: a container has the platform's resolver */
    dns?: never;
    /** Refused: is not supported: images are started as they are */
    provisioner?: never;
  };
  PatchJob: {
    /** Cancels the job; only `true` is taken */
    terminate?: true;
    /** `true` ends what runs, which is no failure; `false` goes on */
    suspend?: boolean;
  };
  PatchMe: {
    /** What may run at one time, beside what the limits let be wanted; what does not fit waits in order */
    capacity?: Schemas["Capacity"];
    /** Size of instances whose configuration names none, from now on */
    defaults?: {
      /** VCPUs of an instance whose configuration names no size; at first 0.0625 */
      vcpus?: number;
      /** Memory in MiB of an instance whose configuration names no size; at first 256 */
      memory_mib?: number;
      /** The same as a text with a unit, as older clients send it */
      memory?: string;
      /** Disk in MB of an instance whose configuration names no size; at first 2000 */
      disk_mb?: number;
    };
    /** What the account may use; lowering one stops nothing that runs, it refuses growth */
    limits?: {
      /** Most vCPUs of one instance; at most what the platform starts */
      vcpu_per_deployment?: number;
      /** Most memory of one instance in MiB */
      memory_mib_per_deployment?: number;
      /** Most disk of one instance in MB */
      disk_mb_per_deployment?: number;
      /** Most instances of all applications and deployments together */
      total_instances?: number;
      /** Most vCPUs of all instances together */
      total_vcpu?: number;
      /** Most memory of all instances together, in MiB */
      total_memory_mib?: number;
      /** Most disk of all instances together, in MB */
      total_disk_mb?: number;
      /** Most IPv4 addresses of all instances together */
      ipv4s?: number;
    };
    /** Locations to change; those that are left out stay as they are */
    locations?: ({
      /** Code of the location: that of a region, or of one that the account adds by giving `region` */
      location: string;
      /** Whether instances may be asked to run there; what runs there goes on. At first true */
      enabled?: boolean;
      /** Share of an application's new instances beside the other locations'; all alike: an even spread. At first 1 */
      weight?: number;
      /** Region of a location that the account adds: where its objects are asked to be. Never changes */
      region?: "AFR" | "APAC" | "EEUR" | "ENAM" | "ME" | "OC" | "SAM" | "WEUR" | "WNAM";
      /** What people read; default: the region's name, or the code */
      name?: string;
      /** Airport code that the constraint `cities` finds it by; null: none, as at first */
      city?: string | null;
      /** Data centre that the constraint `pops` finds it by; null: none, as at first */
      pop?: string | null;
      /** Limits of the location; what is left out stays as it is */
      limits?: {
        /** Most vCPUs of one instance there; default: the account's limit */
        vcpu_per_deployment?: number;
        /** Most memory of one instance there, in MiB */
        memory_mib_per_deployment?: number;
        /** Most vCPUs of all instances there together */
        total_vcpu?: number;
        /** Most memory of all instances there together, in MiB */
        total_memory_mib?: number;
      };
      /** What may run there at one time; what is left out stays as it is */
      capacity?: Schemas["Capacity"];
    })[];
  };
  PatchSchedule: {
    /** `true`: it fires nothing until it is resumed; `false`: it goes on with its next run */
    suspend: boolean;
  };
  Placement: {
    /** the deployment's id, a dot, and the number of the placement in it */
    id: string;
    created_at: string;
    deployment_id: string;
    deployment_version: number;
    terminate: boolean;
    last_update: string;
    status: {
      health: "placed" | "running" | "unhealthy" | "stopping" | "stopped" | "failed";
      container_status: string;
      ready: boolean;
      ipv4Address?: string;
      ipv6Address?: string;
      [field: string]: unknown;
    };
    events?: Schemas["Event"][];
  };
  PlainErrorEnvelope: {
    success: false;
    errors: ({
      /** Cloudflare's number */
      code: number;
      /** a sentence to show */
      message: string;
      error: "VALIDATE_INPUT" | "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE" | "IMAGE_REGISTRY_NOT_CONFIGURED" | "IMAGE_REGISTRY_RETURNED_ERROR" | "SURPASSED_BASE_LIMITS" | "SURPASSED_TOTAL_LIMITS" | "LOCATION_NOT_ALLOWED" | "LOCATION_SURPASSED_BASE_LIMITS" | "WRITE_CONFLICT" | "NO_OWN_ADDRESS" | "PORT_NOT_PUBLIC" | "INSTANCE_NOT_READY" | "ADDRESS_POOL_EXHAUSTED" | "UNAUTHORIZED" | "FORBIDDEN" | "ACCOUNT_NOT_FOUND" | "APPLICATION_NOT_FOUND" | "INSTANCE_NOT_FOUND" | "ROUTE_NOT_FOUND" | "METHOD_NOT_ALLOWED" | "APPLICATION_ALREADY_EXISTS" | "HOSTNAME_TAKEN" | "INSTANCE_HELD" | "INSTANCE_NOT_NAMED" | "INSTANCE_LEAVING" | "INSTANCE_NOT_RUNNING" | "START_CONFLICT" | "SNAPSHOT_NOT_FOUND" | "SNAPSHOT_IN_USE" | "SNAPSHOT_LIMIT_REACHED" | "SNAPSHOT_NOT_AVAILABLE" | "PLACEMENT_NOT_CURRENT" | "DESTROY_IS_DELETE" | "LEASE_HELD" | "LEASE_NOT_FOUND" | "VERSION_MOVED" | "DURABLE_OBJECT_ALREADY_HAS_APPLICATION" | "DEPLOYMENT_NOT_FOUND" | "DEPLOYMENT_ALREADY_EXISTS" | "PLACEMENT_NOT_FOUND" | "ROLLOUT_NOT_FOUND" | "ROLLOUT_IN_USE" | "WAIT_TIMEOUT" | "VERSION_NOT_FOUND" | "CURSOR_EXPIRED" | "BODY_TOO_LARGE" | "UNSUPPORTED_MEDIA_TYPE" | "TOO_MANY_WATCHERS" | "INSTANCE_LIMIT_REACHED" | "INSTANCE_CORDONED" | "INSTANCE_CANNOT_START" | "SSH_NOT_AVAILABLE" | "SIGNATURE_REFUSED" | "EXEC_TIMEOUT" | "EXEC_OUTPUT_TOO_LARGE" | "QUEUE_FULL" | "NO_OTHER_INSTANCE" | "NO_READY_INSTANCE" | "SCALED_TO_ZERO" | "INSTANCE_UNREACHABLE" | "TOKEN_NOT_FOUND" | "OWNED_BY_ANOTHER" | "ACCOUNT_NOT_EMPTY" | "PRECONDITION_FAILED" | "IDEMPOTENCY_IN_PROGRESS" | "IDEMPOTENCY_KEY_REUSED" | "RATE_LIMITED" | "MASTER_KEY_MISSING" | "SECRET_UNREADABLE" | "SECRET_NAME_ALREADY_EXISTS" | "SECRET_NAME_NOT_FOUND" | "SECRET_IN_USE" | "SSH_PUBLIC_KEY_ALREADY_EXISTS" | "SSH_PUBLIC_KEY_NOT_FOUND" | "SSH_PUBLIC_KEY_IN_USE" | "IMAGE_REGISTRY_NOT_ALLOWED" | "IMAGE_REGISTRY_ALREADY_EXISTS" | "IMAGE_REGISTRY_NOT_FOUND" | "IMAGE_REGISTRY_IN_USE" | "IMAGE_REGISTRY_IS_PUBLIC" | "IMAGE_REGISTRY_PROTOCOL_ALREADY_EXISTS" | "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND" | "IMAGE_REPOSITORY_NOT_FOUND" | "IMAGE_NOT_FOUND" | "IMAGE_IN_USE" | "IMAGE_REGISTRY_PROTO_IS_REFERENCED" | "SECRETS_STORE_NOT_FOUND" | "PLACEMENT_ENDED" | "JOB_NOT_FOUND" | "JOB_ATTEMPT_NOT_FOUND" | "JOB_CREATE_NOT_ALLOWED" | "JOB_FINISHED" | "SCHEDULE_NOT_FOUND" | "SCHEDULE_ALREADY_EXISTS" | "SCHEDULE_LIMIT_REACHED" | "SCHEDULE_BUSY" | "TASK_NOT_FOUND" | "TASK_FINISHED" | "TASKS_FULL" | "JOB_INSTANCE" | "LOGS_NOT_AVAILABLE" | "NO_JOB" | "HOLD_EXPIRED" | "NO_BRIDGE_TARGET" | "BRIDGE_TARGET_FAILED" | "BRIDGE_RESULT_TOO_LARGE" | "BRIDGE_TIMEOUT" | "CALL_LOOP" | "EGRESS_DENIED" | "BINDING_NOT_GRANTED" | "BINDING_NOT_AVAILABLE" | "BINDING_FAILED" | "KEY_NOT_FOUND" | "LENGTH_REQUIRED" | "RANGE_NOT_SATISFIABLE" | "CHECKSUM_MISMATCH" | "EGRESS_OPEN" | "EGRESS_UPSTREAM_FAILED" | "EGRESS_MISCONFIGURED" | "CREDENTIAL_UNAVAILABLE" | "NO_EGRESS_HANDLER" | "EGRESS_HANDLER_FAILED" | "INTERNAL";
      retryable: boolean;
      /** what explains the error: field names, limits, ids; `reason` is a sentence to show */
      details: Record<string, string | number | boolean | null | string[]>;
    })[];
    messages: unknown[];
    result: null;
  };
  Planned: {
    desired: {
      instances: number;
      version: number;
      deleting: boolean;
    };
    actions: ({
      type: "place" | "start" | "stop" | "end-attempt" | "resend" | "verify" | "park" | "recall" | "remove" | "finish-delete";
      reason: string;
      /** in the pool; absent for attempts of jobs and for those that are called by name */
      slot?: number;
      version?: number;
      /** name of the instance that it is about */
      instance?: string;
      deployment_id?: string;
      location?: string;
      decision?: {
        /** null: nowhere, for the reasons in `filtered` */
        location: string | null;
        /** the locations that were left, in the account's order */
        table: {
          location: string;
          /** the mean of its scores; the highest wins, then the fewest instances, then the order of regions and codes */
          score: number;
          scores: {
            spread?: number;
            weight?: number;
            colocation?: number;
            headroom?: number;
            penalty?: number;
          };
        }[];
        /** how many locations each filter kept out */
        filtered: {
          disabled: number;
          regions: number;
          jurisdiction: number;
          cities: number;
          pops: number;
          capacity: number;
        };
      };
    })[];
    /** of actions by type, and of deployments that nothing happens to */
    counts: Record<string, number>;
    /** when time alone would change the plan */
    requeue_at: string | null;
    /** why something that is missing could not be placed */
    blocked: {
      reason: string;
      message: string;
      decision: {
        /** null: nowhere, for the reasons in `filtered` */
        location: string | null;
        /** the locations that were left, in the account's order */
        table: {
          location: string;
          /** the mean of its scores; the highest wins, then the fewest instances, then the order of regions and codes */
          score: number;
          scores: {
            spread?: number;
            weight?: number;
            colocation?: number;
            headroom?: number;
            penalty?: number;
          };
        }[];
        /** how many locations each filter kept out */
        filtered: {
          disabled: number;
          regions: number;
          jurisdiction: number;
          cities: number;
          pops: number;
          capacity: number;
        };
      } | null;
    } | null;
  };
  Policy: {
    max_surge?: number | string;
    max_unavailable?: number | string;
    min_healthy_time?: number;
    progress_deadline?: number | null;
    auto_revert?: boolean;
    scale_down_delay?: number;
  };
  Protocol: {
    proto: string;
    domains: {
      domain: string;
      path: string;
    }[];
  };
  ProtocolInput: {
    /** What stands before :// in an image */
    proto: string;
    /** Where an image of the protocol is looked for, in order */
    domains: {
      /** A registry of the account, or the managed one */
      domain: string;
      /** Stands between the domain and the image's name; may be empty */
      path: string;
    }[];
  };
  PutApplication: {
    /** Unique in the account, and part of the application's address; never changes */
    name?: string;
    /** How many instances are wanted */
    instances: number;
    /** Ceiling of `instances`; lowering it reduces what runs. Default: none */
    max_instances?: number;
    /** Most instances at a time that run because somebody calls them by name; each comes with its first call, sleeps when nobody calls it, and is no member of the pool that `instances` counts. Default: 0, which is none */
    named_instances?: number;
    /** Members of the pool that are kept started and ready beyond `instances`, or beyond what the load asks for: spare ones, which get requests as soon as another one is lost or more are needed. Default: 0 */
    warm?: number;
    /** Who may call the application; default: `GANTRY_DEFAULT_INGRESS` of the control plane, else private */
    ingress?: {
      /** Who may call it from outside: nobody, holders of a token, everybody */
      mode: Schemas["IngressMode"];
    };
    /** Host names under which it is called beside its own; each belongs to one application, and has to be routed to the control plane. Default: none */
    hostnames?: string[];
    /** How often a running container is looked at; default 60 s */
    check_every?: number | string;
    /** Acts at once, on all that runs; default: off. Not beside `configuration.observability` */
    observability?: {
      logs: Schemas["LogsSwitch"];
      /** Refused: is not supported: logs are of all instances */
      target_instance_percentage?: never;
      /** Refused: is not supported: logs are of all instances */
      target_instance_count?: never;
    };
    /** Given when the application is made, and never changed; default: none */
    durable_objects?: {
      /** The Durable Object namespace that the application belongs to; one namespace has one application */
      namespace_id: string;
      /** Refused: is not supported: give namespace_id */
      script_name?: never;
      /** Refused: is not supported: give namespace_id */
      class_name?: never;
    };
    /** The scheduler; only "default" is taken */
    scheduling_policy?: "default";
    /** Where instances may run, given as a whole; default: anywhere */
    constraints?: {
      /** Tiers of machines; only [1, 2], which is all of them, is taken */
      tiers?: number[];
      /** Refused: is not supported: give tiers */
      tier?: never;
      /** Only locations in these regions, in either case; default: all */
      regions?: string[];
      /** Refused: is not supported: give regions, with one in it */
      region?: never;
      /** Only locations that stand for these cities (airport codes, in either case); default: all */
      cities?: string[];
      /** Only locations that stand for these data centres, in either case; default: all */
      pops?: string[];
      /** Only locations in it; objects are made within it. Needs `accept_verified_placement`. Default: none */
      jurisdiction?: "eu" | "us" | "fedramp";
      /** `true`: region and jurisdiction are read inside the container, which takes no traffic before, and is replaced when it is elsewhere, three times at most; default `false` */
      accept_verified_placement?: boolean;
    };
    /** What instances are to be near, given as a whole; default: nothing */
    affinities?: {
      /** What new instances are drawn to: `datacenter`, each other, or the locations of another application's instances. A wish, never a reason not to place. Default: nothing */
      colocation?: "datacenter" | {
        /** Id or name of an application of the account */
        application: string;
      };
      /** Refused: is not supported: the platform chooses the machine */
      hardware_generation?: never;
    };
    /** Seconds: an instance that takes traffic for less than this is not replaced by a rollout yet; default: 0 */
    rollout_active_grace_period?: number;
    rollout?: Schemas["RolloutPolicy"];
    /** Whether it runs jobs; `true` without `job_instances`: up to 10 containers at a time. Default: false */
    jobs?: boolean;
    /** Most containers of jobs at a time; room for them is kept in the account's limits. Default: 0, no jobs */
    job_instances?: number;
    /** Most tasks of mode `http` that its pool is doing at a time; those of mode `run` are jobs. Default: 20 */
    max_parallel_tasks?: number;
    /** Who goes first where capacity is short; default: 0 */
    priorities?: {
      /** Priority of every instance: higher is placed first, and may stop lower ones to be placed */
      default: number;
    };
    /** Whether instances may be stopped to make room for a higher priority; default: allowed */
    preemption?: "allowed" | "never";
    /** `instances` follows the load: up at once, down after five minutes; default: it stays as it was said */
    autoscaling?: {
      /** Fewest instances; with 0, all sleep after a long time without load */
      min: number;
      /** Most instances; room for them is kept in the account's limits */
      max: number;
      /** Requests, streams and WebSockets at a time that one is to carry */
      target_concurrency?: number;
      /** Requests a second that one is to carry */
      target_rps?: number;
      /** Callers that may wait for a ready instance, for each there is */
      queue_depth?: number;
      /** Time without any load after which none is left, where `min` is 0; default: 10m */
      idle_after?: number | string;
    };
    /** The Worker whose `bridgeCall` containers reach through `POST /rpc` of the bridge; default: none */
    bridge?: {
      /** Name of a service binding of the control plane, as its wrangler.jsonc says it */
      binding: string;
    };
    /** The Worker whose `containerEvent` hears when a container starts, stops, fails or times out; default: none */
    hooks?: {
      /** Name of a service binding of the control plane, as its wrangler.jsonc says it */
      binding: string;
    };
    /** What its containers may reach, from their next request on; default: nothing outside */
    egress?: Schemas["EgressInput"];
    /** What an instance runs: stored as a version */
    configuration: Schemas["ConfigurationInput"];
    /** Ignored: read-only, taken so that what was read can be written back */
    id?: unknown;
    /** Ignored: read-only, taken so that what was read can be written back */
    account_id?: unknown;
    /** Ignored: read-only, taken so that what was read can be written back */
    created_at?: unknown;
    /** Ignored: read-only, taken so that what was read can be written back */
    updated_at?: unknown;
    /** Ignored: read-only, taken so that what was read can be written back */
    version?: unknown;
    /** Ignored: read-only, taken so that what was read can be written back */
    health?: unknown;
    /** Ignored: read-only, taken so that what was read can be written back */
    state?: unknown;
    /** Ignored: read-only, taken so that what was read can be written back */
    generation?: unknown;
    /** Ignored: read-only, taken so that what was read can be written back */
    observed_generation?: unknown;
    /** Ignored: read-only, taken so that what was read can be written back */
    active_rollout_id?: unknown;
    /** Ignored: read-only, taken so that what was read can be written back */
    blocked?: unknown;
  };
  PutOwner: {
    /** Whose the resource is from now on; refused while it is another's */
    owner: string;
  };
  PutPlan: {
    dry_run: true;
    /** there is no such application: it would be made */
    create: boolean;
    changes: {
      field: string;
      /** null when it is not set */
      from: unknown;
      /** null when it is not set */
      to: unknown;
    }[];
    instances: {
      /** containers started that replace none */
      start: number;
      /** containers stopped and not replaced */
      stop: number;
      /** containers stopped and replaced */
      update: number;
      /** deployments that nothing happens to */
      unchanged: number;
    };
    /** what all wanted instances together hold; prices are the platform's */
    cost_estimate: {
      before: {
        vcpu: number;
        memory_mib: number;
        disk_mb: number;
      };
      /** while instances are replaced, one more runs */
      peak: {
        vcpu: number;
        memory_mib: number;
        disk_mb: number;
      };
      after: {
        vcpu: number;
        memory_mib: number;
        disk_mb: number;
      };
    };
    /** for If-Match of the write that follows; null when there is none yet */
    etag: string | null;
  };
  PutSchedule: {
    /** Five fields, minute hour day month weekday, or `@hourly` and the like; what can never be is refused */
    cron: string;
    /** Whose clocks `cron` speaks of, by its name in the IANA database; default: `UTC` */
    time_zone?: string;
    /** While an earlier run of it is not over: beside it, not at all, or in its place, which cancels it. Default: `allow` */
    concurrency?: "allow" | "forbid" | "replace";
    /** What becomes of runs that come too late */
    misfire?: {
      /** Of runs that are more than a minute late: none of them runs, the latest, or the latest `limit`; default: `one` */
      policy?: "skip" | "one" | "all";
      /** Of `all`: how many run at most; default: 10 */
      limit?: number;
      /** Whether that goes for runs that passed while it was suspended too. Default: they never run */
      after_suspension?: boolean;
    };
    /** A run that could not be begun so long after its time is not begun at all; default: no limit */
    starting_deadline?: number | string;
    /** At a time that the clocks leap over: no run, or one when they have leapt. Default: `run_after` */
    dst_gap?: "skip" | "run_after";
    /** At a time that is there twice: a run the first time, or both times. Default: `first` */
    dst_overlap?: "first" | "both";
    /** Each run begins up to so long after its time, the same for each; at most the time between two runs. Default: 0 */
    jitter?: number | string;
    /** Whether it fires nothing for now; default: false */
    suspend?: boolean;
    /** How many finished jobs of it are kept */
    history?: {
      /** Jobs of it that have succeeded; default: 3 */
      succeeded?: number;
      /** Jobs of it that have failed or were cancelled; default: 1 */
      failed?: number;
    };
    /** The job of each run; `{}` is one run of what the application runs */
    job: {
      /** What its containers run; default: the application's */
      entrypoint?: string[];
      /** Arguments of `entrypoint`; default: none, and the application's where `entrypoint` is */
      command?: string[];
      /** In place of the application's image */
      image?: string;
      /** In place of the application's size */
      instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
      /** In place of the application's */
      vcpu?: number;
      /** The same as `vcpu` */
      vcpus?: number;
      /** In place of the application's */
      memory_mib?: number;
      /** Beside the application's; one of the same name is in its place */
      environment_variables?: {
        /** The variable's name in the container */
        name: string;
        /** Its value, as it is; anybody who may read the application sees it */
        value: string;
      }[];
      /** Indexes that are to succeed; default: 1 */
      completions?: number;
      /** Containers at a time, as far as `job_instances` of the application allows; default: 1 */
      parallelism?: number;
      /** Failed attempts that are tried again, of all indexes. Default: 0, or no limit with `retries_per_index` */
      retries?: number;
      /** Failed attempts of one index that are tried again, before that index has failed; default: no limit */
      retries_per_index?: number;
      /** Indexes that may fail before the job does; default: it goes on to its end */
      max_failed_indexes?: number;
      /** Attempts that the platform may lose, each of which is tried again; default: 10 */
      loss_retries?: number;
      /** Wait before a failed index is tried again; doubles. Default: 10 s */
      backoff?: number | string;
      /** The longest such wait; default: 6 min */
      max_backoff?: number | string;
      /** Of an attempt, from its start: SIGTERM, after `stop_grace` SIGKILL. Default: none */
      timeout?: number | string;
      /** Of the job, from its first attempt; it goes before retries. Default: none */
      deadline?: number | string;
      /** What exit codes mean; the first rule that fits decides. Default: all but 0 are failures that count */
      failure_policy?: ({
        /** `fail_job`: the job has failed. `fail_index`: the index has, and others go on. `ignore`: tried again and not counted. `count`: counted against `retries`, as without a rule */
        action: "fail_job" | "fail_index" | "ignore" | "count";
        /** Of which exit codes it is */
        exit_codes: {
          /** Whether the code is to be one of `values`, or none of them */
          operator: "in" | "not_in";
          /** Exit codes; 0 is success and cannot be in them where they are `in` */
          values: number[];
        };
      })[];
      /** The job has succeeded when one of these is met; default: when all indexes have */
      success_policy?: {
        /** Indexes that are to succeed, such as `0,2-5`; default: any */
        indexes?: string;
        /** How many of them; default: all of `indexes` */
        count?: number;
      }[];
      /** How long it is kept after its end; default: until it is deleted */
      ttl?: number | string;
      /** Its containers read it from `http://control.gantry.internal/payload`, as text; default: none */
      payload?: string;
      /** Jobs of one key take turns with those of every other; default: one key for all */
      fairness_key?: string;
      /** Whether a shell of the image keeps the exit code and the last output. It is tried, and found out where there is none */
      shell?: boolean;
    };
  };
  QueueStatus: {
    scheduler: {
      /** containers of jobs that may be alive at a time; 0: it runs no jobs */
      job_instances: number;
      /** attempts of jobs that have not ended */
      active: number;
      /** attempts that could begin now, as far as the account's limits and capacity allow */
      room: number;
    };
    jobs: {
      /** jobs that are not over and of which nothing has been given a container */
      queued: number;
      /** jobs of which an attempt waits for its container, and none is further */
      scheduled: number;
      /** jobs of which a container starts or stops, and none runs */
      placed: number;
      running: number;
      /** of all those, the ones that wait to be resumed */
      suspended: number;
      /** jobs that are not over */
      open: number;
      /** the oldest of them, 100 at most; `GET …/jobs` lists all */
      first: {
        id: string;
        name: string;
        created_at: string;
        health: Schemas["JobHealth"];
        state: Schemas["JobState"];
        active: number;
      }[];
    };
  };
  Recreate: {
    /** What the container runs: one of the images that the control plane was deployed with */
    image?: string;
    /** The container's size by name; `dev` is lite, `standard` is standard-1. Default: the account's size */
    instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
    /** Processors of the container; default: the account's, see `/me` */
    vcpu?: number;
    /** Memory in MiB; default: the account's, see `/me` */
    memory_mib?: number;
    /** The container's disk */
    disk?: {
      /** Its size in MB; default: the account's, see `/me` */
      size_mb: number;
    };
    /** Variables that the container starts with; default: Gantry's own only */
    environment_variables?: {
      /** The variable's name in the container */
      name: string;
      /** Its value, as it is; anybody who may read the application sees it */
      value: string;
    }[];
    /** Secrets of the account that the container gets as environment variables; default: none */
    secrets?: Schemas["SecretReference"][];
    /** Keys of the account whose lines the container finds in GANTRY_AUTHORIZED_KEYS; default: none */
    ssh_public_key_ids?: string[];
    /** Further lines of GANTRY_AUTHORIZED_KEYS, from which an image with an SSH server takes them */
    authorized_keys?: Schemas["InlineSshKey"][];
    /** Lines of GANTRY_TRUSTED_USER_CA_KEYS: authorities whose certificates an SSH server accepts */
    trusted_user_ca_keys?: Schemas["InlineSshKey"][];
    /** Access by `wrangler containers ssh`, of containers that are started from then on; default: none */
    wrangler_ssh?: {
      /** Whether `wrangler containers ssh` is let through to the container */
      enabled: boolean;
      /** Where the container's SSH server listens, told to it as GANTRY_SSH_PORT; default: 22 */
      port?: number;
    };
    /** Like the application's own `observability`, as of a version; give one of the two. Default: off */
    observability?: {
      logs: Schemas["LogsSwitch"];
    };
    /** Labels that the platform keeps with the container, shown in metrics too; default: Gantry's own only */
    labels?: {
      /** The label's name, of at most 16 bytes */
      name: string;
      /** Its value, of at most 64 bytes */
      value: string;
    }[];
    /** Replaces the image's entrypoint and its default arguments */
    entrypoint?: string[];
    /** Arguments of `entrypoint`, which it needs */
    command?: string[];
    /** Ports that the container listens on; requests that name none go to the first. Default: 8080, unnamed */
    ports?: Schemas["NamedPort"][];
    /** Ports, by number or by their name in `ports`, that must all accept connections: by `startup_deadline`, and from then on for traffic. Without `ports` these are its ports, the first being where requests go. Default: none */
    required_ports?: Schemas["RequiredPort"][];
    /** Whether each instance has addresses of its own; default: it has none */
    network?: Schemas["Network"];
    /** What a container is asked while it lives; default: the first port must accept connections */
    checks?: Schemas["Check"][];
    /** Whether the container gets a token of the bridge in GANTRY_BRIDGE_TOKEN, to speak to it from outside its own network; it ends with the container. Default: false, since inside no token is needed */
    bridge_token?: boolean;
    /** A container that has not started, and passed its startup checks, this long after its launch is ended; default: 120s */
    startup_deadline?: number | string;
    /** In a stop, requests, streams and WebSockets under way may take this long before SIGTERM; default: 5s */
    drain_timeout?: number | string;
    /** Time from SIGTERM to SIGKILL in a stop; default: 10s */
    stop_grace?: number | string;
    /** A container gets its SIGTERM this long after its launch, busy or not; default: never */
    hard_timeout?: number | string;
    /** A named instance that has nothing under way for this long is stopped until it is called; default: 10m */
    sleep_after?: number | string;
    /** A container that says through the bridge that it is busy is spared sleep, rollouts and scale-down for so long; default: 1h */
    max_hold?: number | string;
  };
  Registry: {
    domain: string;
    created_at: string;
    kind?: "default" | "DockerHub" | "ECR" | "GAR" | "GHCR" | "Generic";
    is_public: boolean;
    /** base64 of a SubjectPublicKeyInfo (P-256): what the registry must trust */
    public_key?: string;
    private_credential?: {
      store_id: string;
      secret_name: string;
    };
    pull_through?: {
      prefix: string;
      refresh_seconds: number;
    };
  };
  Repository: {
    name: string;
    /** anyone may pull from it, without a login */
    is_public: boolean;
    tags: number;
    manifests: number;
    /** bytes of its blobs, each counted once */
    size: number;
    created_at: string;
  };
  RequiredPort: number | string;
  Reseal: {
    /** how many sealed texts are under the first key of GANTRY_MASTER_KEY now and were not */
    resealed: number;
    /** what no key of GANTRY_MASTER_KEY opens */
    unreadable: string[];
  };
  ResultInfo: {
    /** the most that a page holds */
    per_page: number;
    /** of this page; null for the first */
    page_token: string | null;
    /** of the page after this; absent on the last */
    next_page_token?: string;
    /** how many this page holds */
    count: number;
    /** of this page, in lists whose pages are numbered */
    page?: number;
    /** how many there are, in lists whose pages are numbered */
    total_count?: number;
  };
  Rollout: {
    id: string;
    created_at: string;
    last_updated_at: string;
    started_at: string;
    description: string;
    kind: "full_auto" | "full_manual";
    strategy: "rolling" | "new_instances" | "blue_green";
    /** Cloudflare's word; what is paused, stalled or on its way back is progressing: `phase` says which */
    status: "pending" | "progressing" | "completed" | "reverted" | "replaced";
    /** the version that was active before */
    current_version: number;
    target_version: number;
    current_configuration: Schemas["Configuration"];
    target_configuration: Schemas["Configuration"];
    health: {
      instances: {
        /** running, and ready at least once */
        active: number;
        /** bound to an object whose container does not run yet */
        assigned: number;
        /** taking traffic */
        healthy: number;
        /** waiting after a failure of their own */
        failed: number;
        /** started, and not ready for the first time */
        starting: number;
        /** wanted, without a container */
        scheduling: number;
      };
      /** instances that wait after a failure of their own */
      errors: {
        /** the instance's `id` */
        instance_id: string;
        /** how its last container ended, and how often in a row */
        event: string;
      }[];
      /** how many are healthy, in words */
      summary: string;
    };
    /** not of new_instances */
    steps?: ({
      id: number;
      step_size: {
        percentage: number;
      };
      description: string;
      status: "pending" | "progressing" | "reverting" | "completed" | "reverted";
      /** why it is not done, or that it was skipped */
      reason?: string;
      started_at?: string;
      completed_at?: string;
    })[];
    /** not of new_instances */
    progress?: {
      total_steps: number;
      /** steps that are completed */
      current_step: number;
      /** instances that take traffic on the target */
      updated_instances: number;
      total_instances: number;
      /** of the instances that are there */
      version_distribution: {
        /** live, and not at the target */
        current_version_instances: number;
        /** ready at the target */
        target_version_instances: number;
        current_version_percentage: number;
        target_version_percentage: number;
      };
    };
    /** of new_instances: the share of instances and requests that it is at */
    percentage?: number;
    /** of new_instances */
    version_distribution?: {
      /** live, and not at the target */
      current_version_instances: number;
      /** ready at the target */
      target_version_instances: number;
      current_version_percentage: number;
      target_version_percentage: number;
    };
    /** of new_instances: by which shares it goes */
    ramp?: ({
      id: number;
      step_size: {
        percentage: number;
      };
      description: string;
      status: "pending" | "progressing" | "reverting" | "completed" | "reverted";
      /** why it is not done, or that it was skipped */
      reason?: string;
      started_at?: string;
      completed_at?: string;
    })[];
    phase: "progressing" | "waiting" | "gating" | "switching" | "paused" | "stalled" | "reverting" | "completed" | "reverted" | "replaced";
    reason: "ProgressDeadlineExceeded" | "AnalysisFailed" | "AnalysisInconclusive" | "Aborted" | "PausedByUser" | "Reverted" | "Replaced" | "NothingToDo" | null;
    /** what it is at, and what can be done, in words */
    message: string;
    /** those that hold */
    conditions: ({
      type: "Progressing" | "Waiting" | "Analyzing" | "Switching" | "Paused" | "Stalled" | "Reverting" | "Completed" | "Reverted" | "Replaced" | "Aborting" | "Failed";
      status: true;
      reason: string | null;
      message: string;
      since: string;
    })[];
    /** when it fails if nothing becomes healthy; null: not by time */
    deadline_at: string | null;
    /** what instances at the target that are not ready say of it, the first of them */
    failing: string[];
    /** live instances that do not run the target, by name */
    holding: string[];
    measurements: ({
      gate: string;
      at: string;
      verdict: "passed" | "failed" | "inconclusive";
      message: string;
    })[];
    /** how instances are replaced, with what is not said filled in; times in seconds */
    policy: {
      max_surge?: number | string;
      max_unavailable?: number | string;
      min_healthy_time?: number;
      progress_deadline?: number | null;
      auto_revert?: boolean;
      scale_down_delay?: number;
      sticky?: {
        cookie?: true;
        header?: string;
      };
      gates?: ({
        name: string;
        type: "error_rate" | "webhook" | "check";
        max_ratio?: number;
        min_requests?: number;
        url?: string;
        path?: string;
        port?: number;
        expect_status?: number[];
        interval: number;
        count: number;
        failure_limit: number;
        timeout: number;
        dry_run: boolean;
      })[];
    };
  };
  RolloutAction: {
    /** false: it was refused */
    success: boolean;
    /** what has been done, or why not and what to do instead */
    message: string;
    rollout: Schemas["Rollout"];
  };
  RolloutActionInput: {
    /** `next`: one step on, when the current one is done. `previous`: one step back. `revert`: back to the first step. `pause`, `resume`. `promote`: to the end, without steps and gates. `abort`: back to the old version. `retry`: what has failed begins again */
    action: "next" | "previous" | "revert" | "pause" | "resume" | "promote" | "abort" | "retry";
  };
  /** How its instances are replaced, by each rollout that does not say it itself; default: as each field says */
  RolloutPolicy: {
    /** Instances above what is wanted while some are replaced, as a number or a share that rounds up; default: 25% */
    max_surge?: number | string;
    /** Instances below what is wanted that may take traffic, as a number or a share that rounds down; default: 0 */
    max_unavailable?: number | string;
    /** An instance counts as healthy when it has been ready for so long; default: 10s */
    min_healthy_time?: number | string;
    /** When nothing has become healthy for so long, the rollout has failed; `null`: never by time. Default: 10m */
    progress_deadline?: number | string | null;
    /** What has failed goes back by itself to the version that served before; `false`: it stalls. Default: true */
    auto_revert?: boolean;
    /** Old instances stay for so long out of traffic, for a way back that starts nothing; default: 0 */
    scale_down_delay?: number | string;
  };
  Said: {
    /** the placement that said it: the last that has said anything; 0 when none has */
    generation: number;
    /** when it was last heard; heartbeats of the last minutes may be missing */
    heard_at: string | null;
    /** until when it says that it is busy; null: it is not */
    busy_until: string | null;
    progress: {
      at: string;
      fraction?: number;
      message?: string;
    } | null;
    result: {
      at: string;
      value: unknown;
    } | null;
    /** the last 64 KiB of lines, oldest first */
    log: ({
      at: string;
      level: "debug" | "info" | "warn" | "error";
      message: string;
      fields: Record<string, unknown>;
    })[];
    /** older lines, which are gone */
    dropped_lines: number;
  };
  Schedule: {
    id: string;
    app_id: string;
    name: string;
    created_at: string;
    updated_at: string;
    cron: string;
    /** as the IANA database spells it */
    time_zone: string;
    concurrency: "allow" | "forbid" | "replace";
    misfire: {
      policy: "skip" | "one" | "all";
      limit?: number;
      after_suspension: boolean;
    };
    /** seconds, as `jitter` */
    starting_deadline: number | null;
    dst_gap: "skip" | "run_after";
    dst_overlap: "first" | "both";
    jitter: number;
    suspend: boolean;
    /** the name of what manages it; null: nobody's */
    owner: string | null;
    history: {
      succeeded: number;
      failed: number;
    };
    /** as it was asked for, with its defaults */
    job: Record<string, unknown>;
    status: {
      /** when the next run begins, its jitter included; null: it is suspended */
      next_run_at: string | null;
      /** the times of its next runs */
      upcoming: string[];
      /** the time of its last run that was not made by hand */
      last_scheduled_at: string | null;
      /** jobs of it that are not over */
      active: number;
      fired: number;
      /** runs that its concurrency, or its application, did not allow */
      skipped: number;
      /** runs that came too late */
      missed: number;
    };
  };
  Secret: {
    name: string;
    /** grows by one with each write of the value */
    version: number;
    created_at: string;
    updated_at: string;
  };
  SecretReference: {
    /** Environment variable that holds the value inside the container */
    name: string;
    /** How the container gets it; only `env` exists */
    type: "env";
    /** Name of the account's secret; its value is looked up at each placement */
    secret: string;
  };
  Start: {
    /** All of the environment, in place of the configuration's variables and secrets, until the instance is destroyed; kept sealed and never shown. Default: the configuration's */
    environment_variables?: {
      /** The variable's name in the container */
      name: string;
      /** Its value, as it is; anybody who may read the application sees it */
      value: string;
    }[];
    /** The image, in place of the configuration's, until the instance is destroyed. Default: the configuration's */
    image?: string;
    /** The size, in place of the configuration's, until the instance is destroyed. Default: the configuration's */
    instance_type?: "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4" | "dev" | "standard";
    /** A snapshot of this instance by name, from which every start begins until it is destroyed. Default: none */
    snapshot?: string;
  };
  Store: {
    id: string;
    name: string;
    account_id: string;
    created: string;
    modified: string;
  };
  StoreSecret: {
    id: string;
    name: string;
    comment: string;
    scopes: string[];
    store_id: string;
    status: "active";
    created: string;
    modified: string;
  };
  Tag: {
    name: string;
    digest: string;
    media_type: string;
    /** of an index: what it has an image for, such as linux/arm64 */
    platforms?: string[];
    /** bytes of manifest, config and layers, of everything below an index */
    size: number;
    updated_at: string;
    /** applications, with the versions and instances that run it */
    used_by: string[];
  };
  TakenLease: {
    owner: string;
    description?: string;
    expires_at: string;
    /** proof of the lease, for the header Gantry-Lease-Nonce */
    nonce: string;
  };
  Task: {
    id: string;
    app_id: string;
    idempotency_key: string | null;
    mode: "run" | "http";
    /** `dead`: given up, with the reason beside it */
    state: Schemas["TaskState"];
    /** what ended it, or why its latest try failed, such as `RetriesExhausted` */
    reason: string | null;
    message: string | null;
    created_at: string;
    /** it begins no sooner */
    not_before: string;
    /** of its latest try */
    started_at: string | null;
    finished_at: string | null;
    /** when it is not kept any more; null while it is not over */
    remove_at: string | null;
    /** begun so far: of a task that runs in jobs, the jobs */
    tries: number;
    /** failed tries since it was made, or retried by somebody */
    failures: number;
    /** tries in a row whose outcome is not known */
    losses: number;
    /** of the latest answer */
    status: number | null;
    /** that does it, with attempts and their output under …/jobs */
    job: string | null;
    fairness_key: string;
    ttl: number;
    /** as it was given; null: none */
    payload: unknown;
    http?: {
      path: string;
      method: string;
      headers: Record<string, string>;
      timeout: number;
      wait: number;
      retries: number;
      backoff: number;
      max_backoff: number;
    };
    run?: {
      entrypoint: string[] | null;
      command: string[] | null;
      environment_variables: {
        name: string;
        value: string;
      }[];
      retries: number;
      backoff: number;
      max_backoff: number;
      loss_retries: number;
      timeout: number | null;
      deadline: number | null;
      failure_policy: {
        action: string;
        [field: string]: unknown;
      }[];
      shell: boolean;
    };
  };
  TaskState: "queued" | "running" | "succeeded" | "dead" | "cancelled";
  Usage: {
    /** requests to hosts, denied ones among them; up to a minute of them may be lost */
    requests: number;
    denied: number;
    /** of bodies, to hosts */
    bytes_up: number;
    /** of bodies, from hosts */
    bytes_down: number;
  };
  Version: {
    version: number;
    percentage: number;
    configuration: Schemas["Configuration"];
    revision: string;
    created_at: string;
  };
}

/** Paths of these operations are whole; all others are below the account's. */
export const ROOT_PATHS: readonly string[] = ["/v2","/healthz","/readyz","/openapi.json","/client/v4/accounts/{account_id}/secrets_store/stores","/client/v4/accounts/{account_id}/secrets_store/stores/{store_id}/secrets","/client/v4/accounts/{account_id}/secrets_store/stores/{store_id}/secrets/{secret_id}","/client/v4/accounts","/client/v4/accounts/{account}"];

/** What an operation takes and gives; the key is its method and path. */
export interface Operations {
  /** What registry clients ask first: is this a registry, and is the login good */
  "GET /v2": {
    params: undefined;
    query: undefined;
    body: undefined;
    headers: never;
    result: Record<string, unknown>;
  };
  /** Whether the Worker answers */
  "GET /healthz": {
    params: undefined;
    query: undefined;
    body: undefined;
    headers: never;
    result: {
      status: "ok";
    };
  };
  /** Whether it can do its work: objects, images, secrets */
  "GET /readyz": {
    params: undefined;
    query: undefined;
    body: undefined;
    headers: never;
    result: {
      status: "ready" | "not ready";
      /** `ok`, or what is wrong */
      checks: Record<string, string>;
    };
  };
  /** This document */
  "GET /openapi.json": {
    params: undefined;
    query: undefined;
    body: undefined;
    headers: never;
    result: Record<string, unknown>;
  };
  /** List applications */
  "GET /applications": {
    params: undefined;
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
      /** Only the application of this name */
      name?: string;
      /** Only applications whose active configuration has this image */
      image?: string;
      /** Only what carries this label, written `name=value` or `name:value`; repeated: all of them */
      label?: string[];
    };
    body: undefined;
    headers: never;
    result: Schemas["Application"][];
  };
  /** Create an application */
  "POST /applications": {
    params: undefined;
    query: undefined;
    body: Schemas["CreateApplication"];
    headers: "idempotencyKey" | "owner";
    result: Schemas["Application"];
  };
  /** Get an application by id or name */
  "GET /applications/{id}": {
    params: {
      id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Application"];
  };
  /** Create or replace a whole application, and activate what it says; with dry_run only plan it */
  "PUT /applications/{id}": {
    params: {
      id: string;
    };
    query: {
      /** `true`: changes nothing and answers with the plan; default `false` */
      dry_run?: "true" | "false";
    };
    body: Schemas["PutApplication"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Application"] | Schemas["PutPlan"];
  };
  /** Change an application: counts and policies act at once, a configuration is stored as a version */
  "PATCH /applications/{id}": {
    params: {
      id: string;
    };
    query: undefined;
    body: Schemas["PatchApplication"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Application"];
  };
  /** Delete an application and stop its instances */
  "DELETE /applications/{id}": {
    params: {
      id: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Message"];
  };
  /** List the versions of an application's configuration */
  "GET /applications/{id}/versions": {
    params: {
      id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Version"][];
  };
  /** Why an instance is where it is: the decision with its score table */
  "GET /applications/{id}/instances/{instance_id}/explain": {
    params: {
      id: string;
      instance_id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Explain"];
  };
  /** What the planner would do now, without doing it */
  "GET /applications/{id}/plan": {
    params: {
      id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Planned"];
  };
  /** List instances */
  "GET /applications/{id}/instances-v2": {
    params: {
      id: string;
    };
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
      /** Only instances whose name begins so, or whose id it is */
      name_prefix?: string;
      /** Only those that have a container, or have none */
      state?: "active" | "not-active";
    };
    body: undefined;
    headers: never;
    result: Schemas["Instance"][];
  };
  /** List instances (v1) */
  "GET /applications/{id}/instances": {
    params: {
      id: string;
    };
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
      /** Only instances whose name begins so, or whose id it is */
      name_prefix?: string;
      /** Only those that have a container, or have none */
      state?: "active" | "not-active";
    };
    body: undefined;
    headers: never;
    result: {
      instances: Schemas["Instance"][];
    };
  };
  /** Get an instance by id or name */
  "GET /applications/{id}/instances/{instance_id}": {
    params: {
      id: string;
      instance_id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Instance"];
  };
  /** What an application's containers may reach, and what has gone through */
  "GET /applications/{id}/egress": {
    params: {
      id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: {
      policy: Schemas["Egress"];
      usage: Schemas["Usage"];
    };
  };
  /** Replace what an application's containers may reach; it holds from their next request on */
  "PUT /applications/{id}/egress": {
    params: {
      id: string;
    };
    query: undefined;
    body: Schemas["EgressInput"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: {
      policy: Schemas["Egress"];
      /** instances for which it holds from their next request on */
      told: number;
      /** ids of instances that did not answer; it holds for them from their next report on */
      pending: string[];
      /** ids of instances that are to be restarted before all of it holds: started without a policy they have no HTTPS, started `open` they go past every rule */
      restart: string[];
    };
  };
  /** What an application's containers were denied, the latest first */
  "GET /applications/{id}/egress/log": {
    params: {
      id: string;
    };
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
      /** Only this host */
      host?: string;
      /** Only of the instance with this id */
      instance?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["EgressDenial"][];
  };
  /** What one instance may reach, with what was changed for it alone */
  "GET /applications/{id}/instances/{instance_id}/egress": {
    params: {
      id: string;
      instance_id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["InstanceEgress"];
  };
  /** Change what one instance may reach, from its next request on, until it is reset */
  "PATCH /applications/{id}/instances/{instance_id}/egress": {
    params: {
      id: string;
      instance_id: string;
    };
    query: undefined;
    body: Schemas["ChangeEgress"];
    headers: "idempotencyKey";
    result: Schemas["InstanceEgress"];
  };
  /** Take back what was changed for one instance: the application's policy holds for it again */
  "DELETE /applications/{id}/instances/{instance_id}/egress": {
    params: {
      id: string;
      instance_id: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["InstanceEgress"];
  };
  /** What an instance's container has said over the bridge: progress, result, log, and whether it is busy */
  "GET /applications/{id}/instances/{instance_id}/bridge": {
    params: {
      id: string;
      instance_id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Said"];
  };
  /** What an instance's container has printed, or prints, where its image has the init */
  "GET /applications/{id}/instances/{instance_id}/logs": {
    params: {
      id: string;
      instance_id: string;
    };
    query: {
      /** Lines of this level and of worse ones only. All levels by default. */
      level?: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
      /** Lines about this HTTP status only, as 404 or 5xx; may be repeated. */
      status?: string[];
      /** Lines from this time on: 2026-01-31T12:00:00Z, or 15m for so long ago. */
      since?: string;
      /** Lines up to this time: 2026-01-31T12:00:00Z, or 15m for so long ago. */
      until?: string;
      /** Lines with this text only, in upper or lower case. */
      contains?: string;
      /** Lines of this stream only. */
      stream?: "stdout" | "stderr";
      /** Most lines in the answer; of one that is followed, most that are shown of what was there before. */
      limit?: number;
      /** Which lines come first. Newest, the default; what is followed comes in its order. */
      order?: "newest" | "oldest";
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
      /** true: server-sent events, with each new line. Default: false. */
      follow?: "true" | "false";
    };
    body: undefined;
    headers: never;
    result: Schemas["Logs"];
  };
  /** What the instances of an application have printed, or print, in the order of time; or what a job has */
  "GET /applications/{id}/logs": {
    params: {
      id: string;
    };
    query: {
      /** Lines of this level and of worse ones only. All levels by default. */
      level?: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
      /** Lines about this HTTP status only, as 404 or 5xx; may be repeated. */
      status?: string[];
      /** Lines from this time on: 2026-01-31T12:00:00Z, or 15m for so long ago. */
      since?: string;
      /** Lines up to this time: 2026-01-31T12:00:00Z, or 15m for so long ago. */
      until?: string;
      /** Lines with this text only, in upper or lower case. */
      contains?: string;
      /** Lines of this stream only. */
      stream?: "stdout" | "stderr";
      /** Most lines in the answer; of one that is followed, most that are shown of what was there before. */
      limit?: number;
      /** Which lines come first. Newest, the default; what is followed comes in its order. */
      order?: "newest" | "oldest";
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
      /** true: server-sent events, with each new line. Default: false. */
      follow?: "true" | "false";
      /** Id or name of an instance, whose lines alone are wanted. */
      instance?: string;
      /** Id or name of a job: what its attempts have printed, of the last 50 that have ended. */
      job?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Logs"];
  };
  /** Start an instance that a user stopped, or at once what waits for its next start; with a body, one that is called by name, with that in place of its configuration */
  "POST /applications/{id}/instances/{instance}/start": {
    params: {
      id: string;
      instance: string;
    };
    query: undefined;
    body: Schemas["Start"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Instance"];
  };
  /** Stop an instance; it keeps its place and stays stopped until it is started */
  "POST /applications/{id}/instances/{instance}/stop": {
    params: {
      id: string;
      instance: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Instance"];
  };
  /** Stop an instance that is called by name; the next call starts it */
  "POST /applications/{id}/instances/{instance}/sleep": {
    params: {
      id: string;
      instance: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Instance"];
  };
  /** Stop an instance and start it again */
  "POST /applications/{id}/instances/{instance}/restart": {
    params: {
      id: string;
      instance: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Instance"];
  };
  /** Destroy an instance; another is placed in its stead */
  "POST /applications/{id}/instances/{instance}/destroy": {
    params: {
      id: string;
      instance: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Instance"] | Schemas["Message"];
  };
  /** Keep new traffic from an instance that runs on */
  "POST /applications/{id}/instances/{instance}/cordon": {
    params: {
      id: string;
      instance: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Instance"];
  };
  /** Give an instance traffic again */
  "POST /applications/{id}/instances/{instance}/uncordon": {
    params: {
      id: string;
      instance: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Instance"];
  };
  /** Get what is to be signed for a command in an instance */
  "POST /applications/{id}/instances/{instance_id}/exec/challenges": {
    params: {
      id: string;
      instance_id: string;
    };
    query: undefined;
    body: Schemas["ExecChallenge"];
    headers: "idempotencyKey";
    result: {
      /** The message to sign: exactly this text, without a line break behind it */
      challenge: string;
      /** What the signature is made for */
      namespace: string;
      expires_at: string;
    };
  };
  /** Run a command in an instance that runs, with a signature by a registered SSH key */
  "POST /applications/{id}/instances/{instance_id}/exec": {
    params: {
      id: string;
      instance_id: string;
    };
    query: undefined;
    body: Schemas["Exec"];
    headers: "idempotencyKey";
    result: {
      exit_code: number;
      stdout: string;
      stderr: string;
      signed_by: {
        key_id: string;
        name: string;
        fingerprint: string;
      };
    };
  };
  /** Get an address and a token for one SSH connection into an instance, by its id or its deployment's */
  "GET /instances/{instance_id}/ssh": {
    params: {
      instance_id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: {
      /** Of a WebSocket whose binary messages are the bytes of an SSH connection */
      url: string;
      /** For `Authorization: Bearer` there: good for a minute, and for one connection */
      token: string;
    };
  };
  /** Wait until an application is in a state */
  "GET /applications/{id}/wait": {
    params: {
      id: string;
    };
    query: {
      /** `ready`: every wanted instance takes traffic. `settled`: that, on the active version, and nothing is under way. `active`, `provisioning`, `degraded`: the application's `state` */
      state: "ready" | "active" | "provisioning" | "degraded" | "settled";
      /** How long to wait, in seconds or as 10s; at most and by default 25 s */
      timeout?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Application"];
  };
  /** Wait until an instance is in a state */
  "GET /applications/{id}/instances/{instance}/wait": {
    params: {
      id: string;
      instance: string;
    };
    query: {
      /** The state to wait for */
      state: Schemas["InstanceState"];
      /** How long to wait, in seconds or as 10s; at most and by default 25 s */
      timeout?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Instance"];
  };
  /** List jobs, newest first */
  "GET /applications/{id}/jobs": {
    params: {
      id: string;
    };
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
      /** Jobs of this name only */
      name?: string;
      /** Jobs in this state only */
      state?: Schemas["JobState"];
      /** Jobs that this schedule has made */
      schedule?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Job"][];
  };
  /** Run containers to their completion */
  "POST /applications/{id}/jobs": {
    params: {
      id: string;
    };
    query: undefined;
    body: Schemas["CreateJob"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Job"];
  };
  /** Get a job by id, or the newest of a name */
  "GET /applications/{id}/jobs/{job}": {
    params: {
      id: string;
      job: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Job"];
  };
  /** Cancel a job, suspend it or go on with it */
  "PATCH /applications/{id}/jobs/{job}": {
    params: {
      id: string;
      job: string;
    };
    query: undefined;
    body: Schemas["PatchJob"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Job"];
  };
  /** Delete a job with all that is kept of it; one that runs is cancelled first */
  "DELETE /applications/{id}/jobs/{job}": {
    params: {
      id: string;
      job: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["DeletedJob"];
  };
  /** Wait until a job is in a state */
  "GET /applications/{id}/jobs/{job}/wait": {
    params: {
      id: string;
      job: string;
    };
    query: {
      /** The state to wait for; default: any end */
      state?: "running" | "finished" | "succeeded" | "failed" | "cancelled";
      /** How long to wait, in seconds or as 10s; at most and by default 25 s */
      timeout?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Job"];
  };
  /** List the attempts of a job by number, those that run among them */
  "GET /applications/{id}/jobs/{job}/attempts": {
    params: {
      id: string;
      job: string;
    };
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Attempt"][];
  };
  /** What an attempt printed last */
  "GET /applications/{id}/jobs/{job}/attempts/{attempt}/logs": {
    params: {
      id: string;
      job: string;
      attempt: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["AttemptLogs"];
  };
  /** The queue of jobs: how many are where, and which wait the longest */
  "GET /applications/{id}/status": {
    params: {
      id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["QueueStatus"];
  };
  /** List schedules, by name */
  "GET /applications/{id}/schedules": {
    params: {
      id: string;
    };
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Schedule"][];
  };
  /** Run jobs at times */
  "POST /applications/{id}/schedules": {
    params: {
      id: string;
    };
    query: undefined;
    body: Schemas["CreateSchedule"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce" | "owner";
    result: Schemas["Schedule"];
  };
  /** Get a schedule, with the times of its next runs; GET …/jobs?schedule= lists its jobs */
  "GET /applications/{id}/schedules/{schedule}": {
    params: {
      id: string;
      schedule: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Schedule"];
  };
  /** Create a schedule, or give it another specification; nothing of the past is fired by that */
  "PUT /applications/{id}/schedules/{schedule}": {
    params: {
      id: string;
      schedule: string;
    };
    query: undefined;
    body: Schemas["PutSchedule"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Schedule"];
  };
  /** Suspend a schedule, or resume it */
  "PATCH /applications/{id}/schedules/{schedule}": {
    params: {
      id: string;
      schedule: string;
    };
    query: undefined;
    body: Schemas["PatchSchedule"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Schedule"];
  };
  /** Delete a schedule and the finished jobs that it keeps; what runs goes on to its end */
  "DELETE /applications/{id}/schedules/{schedule}": {
    params: {
      id: string;
      schedule: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Message"];
  };
  /** Run the job of a schedule now, as its concurrency allows; a suspended one too */
  "POST /applications/{id}/schedules/{schedule}/run": {
    params: {
      id: string;
      schedule: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Job"];
  };
  /** Give a schedule that is nobody's to an owner */
  "PUT /applications/{id}/schedules/{schedule}/owner": {
    params: {
      id: string;
      schedule: string;
    };
    query: undefined;
    body: Schemas["PutOwner"];
    headers: "idempotencyKey";
    result: Schemas["Schedule"];
  };
  /** Make a schedule nobody's; the schedule stays */
  "DELETE /applications/{id}/schedules/{schedule}/owner": {
    params: {
      id: string;
      schedule: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["Schedule"];
  };
  /** List tasks, newest first; `state=dead` lists the dead letters */
  "GET /applications/{id}/tasks": {
    params: {
      id: string;
    };
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
      /** Tasks in this state only */
      state?: Schemas["TaskState"];
      /** Tasks of this mode only */
      mode?: "run" | "http";
      /** Tasks of this key only */
      fairness_key?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Task"][];
  };
  /** Queue a task; one that has the same idempotency key is answered, and nothing is made */
  "POST /applications/{id}/tasks": {
    params: {
      id: string;
    };
    query: undefined;
    body: Schemas["CreateTask"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Task"];
  };
  /** Queue up to 100 tasks, all of them or none */
  "POST /applications/{id}/tasks/batch": {
    params: {
      id: string;
    };
    query: undefined;
    body: Schemas["CreateTasks"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Task"][];
  };
  /** Get a task by id, or by idempotency key */
  "GET /applications/{id}/tasks/{task}": {
    params: {
      id: string;
      task: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Task"];
  };
  /** Delete a task with all that is kept of it; what is under way of it is cancelled */
  "DELETE /applications/{id}/tasks/{task}": {
    params: {
      id: string;
      task: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["DeletedTask"];
  };
  /** Cancel a task that is queued or running */
  "POST /applications/{id}/tasks/{task}/cancel": {
    params: {
      id: string;
      task: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Task"];
  };
  /** Queue a dead task again, with all its retries */
  "POST /applications/{id}/tasks/{task}/retry": {
    params: {
      id: string;
      task: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Task"];
  };
  /** Who holds the lease of an application */
  "GET /applications/{id}/lease": {
    params: {
      id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Lease"];
  };
  /** Take the lease of an application, or renew it with its nonce */
  "POST /applications/{id}/lease": {
    params: {
      id: string;
    };
    query: undefined;
    body: {
      /** How long it is held from now on; 1 s to 1 h */
      ttl: number | string;
      /** Told to those who are refused; default: none */
      description?: string;
    };
    headers: "idempotencyKey" | "leaseNonce";
    result: Schemas["TakenLease"];
  };
  /** Release the lease of an application */
  "DELETE /applications/{id}/lease": {
    params: {
      id: string;
    };
    query: {
      /** `true`: also without its nonce, for tokens of scope admin; default `false` */
      force?: "true" | "false";
    };
    body: undefined;
    headers: "idempotencyKey" | "leaseNonce";
    result: Schemas["Message"];
  };
  /** List rollouts, newest first */
  "GET /applications/{id}/rollouts": {
    params: {
      id: string;
    };
    query: {
      /** Most rollouts to list; default: all */
      limit?: number;
      /** Id of the last rollout seen: those after it in the list */
      last?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Rollout"][];
  };
  /** Activate a configuration, or a stored version, in steps */
  "POST /applications/{id}/rollouts": {
    params: {
      id: string;
    };
    query: undefined;
    body: Schemas["CreateRollout"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Rollout"];
  };
  /** Get a rollout */
  "GET /applications/{id}/rollouts/{rollout}": {
    params: {
      id: string;
      rollout: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Rollout"];
  };
  /** Move a rollout on or back, hold it, or end it */
  "POST /applications/{id}/rollouts/{rollout}": {
    params: {
      id: string;
      rollout: string;
    };
    query: undefined;
    body: Schemas["RolloutActionInput"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["RolloutAction"];
  };
  /** Forget a rollout that is over */
  "DELETE /applications/{id}/rollouts/{rollout}": {
    params: {
      id: string;
      rollout: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Message"];
  };
  /** Wait until a rollout is over, or does nothing more by itself */
  "GET /applications/{id}/rollouts/{rollout}/wait": {
    params: {
      id: string;
      rollout: string;
    };
    query: {
      /** How long to wait, in seconds or as 10s; at most and by default 25 s */
      timeout?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Rollout"];
  };
  /** List deployments, those of applications too */
  "GET /deployments/v2": {
    params: undefined;
    query: {
      /** Only deployments of this application */
      app_id?: string;
      /** Only deployments that were asked to run at this location */
      location?: string;
      /** Only deployments of this image */
      image?: string;
      /** Only deployments whose container is in this state */
      state?: "running" | "stopped" | "starting" | "stopping";
      /** Only the deployment that has this IPv4 address */
      ipv4?: string;
      /** Only what carries this label, written `name=value` or `name:value`; repeated: all of them */
      label?: string[];
      /** Most to list; default: all */
      per_page?: number;
      /** `next_page_token` of the answer before */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Deployment"][];
  };
  /** Create a standalone deployment: one instance, always kept running */
  "POST /deployments/v2": {
    params: undefined;
    query: undefined;
    body: Schemas["CreateDeployment"];
    headers: "idempotencyKey" | "owner";
    result: Schemas["Deployment"];
  };
  /** Get a deployment */
  "GET /deployments/{deployment}/v2": {
    params: {
      deployment: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Deployment"];
  };
  /** Change a standalone deployment: its next placement begins at once, under the same id */
  "PATCH /deployments/{deployment}/v2": {
    params: {
      deployment: string;
    };
    query: undefined;
    body: Schemas["PatchDeployment"];
    headers: "idempotencyKey" | "ifMatch";
    result: Schemas["Deployment"];
  };
  /** Delete a standalone deployment; one of an application is replaced by another */
  "DELETE /deployments/{deployment}/v2": {
    params: {
      deployment: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Deployment"] | Schemas["Message"];
  };
  /** Replace a standalone deployment by a new one with a new id */
  "POST /deployments/{deployment}/recreate": {
    params: {
      deployment: string;
    };
    query: undefined;
    body: Schemas["CreateDeployment"];
    headers: "idempotencyKey" | "ifMatch";
    result: Schemas["Deployment"];
  };
  /** List the deployments of an application */
  "GET /applications/{id}/deployments": {
    params: {
      id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Deployment"][];
  };
  /** Get a deployment of an application */
  "GET /applications/{id}/deployments/{deployment}": {
    params: {
      id: string;
      deployment: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Deployment"];
  };
  /** Replace a deployment of an application by a new one with a new id */
  "POST /applications/{id}/deployments/{deployment}/recreate": {
    params: {
      id: string;
      deployment: string;
    };
    query: undefined;
    body: Schemas["Recreate"];
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Deployment"];
  };
  /** List the placements of a deployment, newest first, with their events */
  "GET /deployments/{deployment}/placements": {
    params: {
      deployment: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Placement"][];
  };
  /** Get a placement with its events */
  "GET /placements/{placement}": {
    params: {
      placement: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Placement"];
  };
  /** Stop a placement and begin the next one in its deployment */
  "POST /placements/{placement}": {
    params: {
      placement: string;
    };
    query: undefined;
    body: {
      /** `true`: stop it, if it is the current one, and start another; `false`: nothing */
      replace: boolean;
    };
    headers: "idempotencyKey" | "ifMatch" | "leaseNonce";
    result: Schemas["Placement"];
  };
  /** List the events of an application, or watch them as server-sent events or over a WebSocket */
  "GET /applications/{id}/events": {
    params: {
      id: string;
    };
    query: {
      /** Events after this one: the `id` of the last event seen. 0, the default, for all that are kept. */
      after?: number;
      /** Events of this type only; may be repeated. All types by default. */
      type?: ("Info" | "Warn" | "Error" | "UserError" | "SystemError")[];
      /** Events of this name only; may be repeated up to 10 times. All names by default. */
      name?: string[];
      /** Events of the deployment with this id only. */
      deployment?: string;
      /** Events from this time on. No limit by default. */
      since?: string;
      /** Events in one answer of a list, 100 by default. */
      per_page?: number;
      /** `next_page_token` of an earlier answer of a list; the same as `after`. */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Event"][];
  };
  /** List, or watch, the events of the application that the query names */
  "GET /events": {
    params: undefined;
    query: {
      /** Events after this one: the `id` of the last event seen. 0, the default, for all that are kept. */
      after?: number;
      /** Events of this type only; may be repeated. All types by default. */
      type?: ("Info" | "Warn" | "Error" | "UserError" | "SystemError")[];
      /** Events of this name only; may be repeated up to 10 times. All names by default. */
      name?: string[];
      /** Events of the deployment with this id only. */
      deployment?: string;
      /** Events from this time on. No limit by default. */
      since?: string;
      /** Events in one answer of a list, 100 by default. */
      per_page?: number;
      /** `next_page_token` of an earlier answer of a list; the same as `after`. */
      page_token?: string;
      /** Id or name of the application whose events are wanted. */
      application: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Event"][];
  };
  /** Metrics of an account in Prometheus' text format */
  "GET /metrics": {
    params: undefined;
    query: {
      /** Id or name of an application; may be repeated. Only these, and nothing of the account. All by default. */
      application?: string[];
      /** `true` also asks each instance's object for the rows that it has written: one more call each. */
      instance_costs?: "true" | "false";
    };
    body: undefined;
    headers: never;
    result: string;
  };
  /** List application summaries */
  "GET /dash/applications": {
    params: undefined;
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["DashApplication"][];
  };
  /** List an application's instances with their objects */
  "GET /dash/applications/{id}/instances": {
    params: {
      id: string;
    };
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["DashInstances"];
  };
  /** List secrets, without their values */
  "GET /secrets": {
    params: undefined;
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Secret"][];
  };
  /** Create a secret; its value is never shown again */
  "POST /secrets": {
    params: undefined;
    query: undefined;
    body: Schemas["CreateSecret"];
    headers: "idempotencyKey" | "owner";
    result: Schemas["Secret"];
  };
  /** Seal again, under the first key of GANTRY_MASTER_KEY, whatever another key has sealed */
  "POST /secrets/reseal": {
    params: undefined;
    query: undefined;
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["Reseal"];
  };
  /** Get a secret, without its value */
  "GET /secrets/{name}": {
    params: {
      name: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Secret"];
  };
  /** Change a secret's value: containers get it at their next placement */
  "PATCH /secrets/{name}": {
    params: {
      name: string;
    };
    query: undefined;
    body: Schemas["ChangeSecret"];
    headers: "idempotencyKey" | "ifMatch";
    result: Schemas["Secret"];
  };
  /** Delete a secret that nothing uses */
  "DELETE /secrets/{name}": {
    params: {
      name: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey" | "ifMatch";
    result: Schemas["Message"];
  };
  /** List SSH public keys */
  "GET /ssh-public-keys": {
    params: undefined;
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: {
      id: string;
      name: string;
      public_key: string;
    }[];
  };
  /** Create an SSH public key */
  "POST /ssh-public-keys": {
    params: undefined;
    query: undefined;
    body: {
      /** Name of the key, unique in the account; what a delete names */
      name: string;
      /** `ssh-ed25519 <base64> [comment]`; no other key type is taken */
      public_key: string;
    };
    headers: "idempotencyKey" | "owner";
    result: {
      id: string;
      name: string;
      public_key: string;
    };
  };
  /** Delete an SSH public key that nothing uses, by name or id */
  "DELETE /ssh-public-keys/{name}": {
    params: {
      name: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["Message"];
  };
  /** List registry protocols */
  "GET /registries/protos": {
    params: undefined;
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Protocol"][];
  };
  /** Create a registry protocol */
  "POST /registries/protos": {
    params: undefined;
    query: undefined;
    body: Schemas["ProtocolInput"];
    headers: "idempotencyKey" | "owner";
    result: Schemas["Protocol"];
  };
  /** Give a registry protocol other domains: seen by the next placement */
  "PUT /registries/protos": {
    params: undefined;
    query: undefined;
    body: Schemas["ProtocolInput"];
    headers: "idempotencyKey";
    result: Schemas["Protocol"];
  };
  /** Delete a registry protocol that no image refers to */
  "DELETE /registries/protos/{proto}": {
    params: {
      proto: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["Message"];
  };
  /** List the image registries of the account, the managed one first */
  "GET /registries": {
    params: undefined;
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Registry"][];
  };
  /** Configure an image registry */
  "POST /registries": {
    params: undefined;
    query: undefined;
    body: Schemas["CreateRegistry"];
    headers: "idempotencyKey" | "owner";
    result: Schemas["Registry"];
  };
  /** Change the credential of an image registry, or how it is pulled through */
  "PATCH /registries/{domain}": {
    params: {
      domain: string;
    };
    query: undefined;
    body: Schemas["ChangeRegistry"];
    headers: "idempotencyKey";
    result: Schemas["Registry"];
  };
  /** Remove an image registry; the secret that it refers to stays */
  "DELETE /registries/{domain}": {
    params: {
      domain: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["DeletedRegistry"];
  };
  /** Short-lived credentials of a registry */
  "POST /registries/{domain}/credentials": {
    params: {
      domain: string;
    };
    query: undefined;
    body: Schemas["CredentialsInput"];
    headers: "idempotencyKey";
    result: Schemas["Credentials"];
  };
  /** Prepare an image, or look how its preparation is */
  "POST /image-preparations": {
    params: undefined;
    query: undefined;
    body: {
      /** The image as a configuration would name it */
      image: string;
    };
    headers: "idempotencyKey";
    result: Schemas["ImagePreparation"];
  };
  /** List the repositories of the account's own registry */
  "GET /images": {
    params: undefined;
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Repository"][];
  };
  /** Get a repository; a / in its name is written %2F */
  "GET /images/{repository}": {
    params: {
      repository: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Repository"];
  };
  /** Say who may pull from a repository; a / in its name is written %2F */
  "PATCH /images/{repository}": {
    params: {
      repository: string;
    };
    query: undefined;
    body: Schemas["ChangeRepository"];
    headers: "idempotencyKey";
    result: Schemas["Repository"];
  };
  /** List the tags of a repository, with what uses them */
  "GET /images/{repository}/tags": {
    params: {
      repository: string;
    };
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Tag"][];
  };
  /** Delete a tag of an image that nothing uses; its manifest stays until garbage is collected */
  "DELETE /images/{repository}/tags/{tag}": {
    params: {
      repository: string;
      tag: string;
    };
    query: {
      /** `true`: also what applications use, whose next container may find it gone; default `false` */
      force?: "true" | "false";
    };
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["Message"];
  };
  /** Delete an image that nothing uses, with its tags */
  "DELETE /images/{repository}/manifests/{digest}": {
    params: {
      repository: string;
      digest: string;
    };
    query: {
      /** `true`: also what applications use, whose next container may find it gone; default `false` */
      force?: "true" | "false";
    };
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["Message"];
  };
  /** Collect the garbage of the account's own registry */
  "POST /image-collections": {
    params: undefined;
    query: undefined;
    body: Schemas["CollectionInput"];
    headers: "idempotencyKey";
    result: Schemas["Collection"];
  };
  /** List the account's one secrets store */
  "GET /client/v4/accounts/{account_id}/secrets_store/stores": {
    params: undefined;
    query: {
      /** The page, from 1 */
      page?: number;
      /** The most that a page holds */
      per_page?: number;
    };
    body: undefined;
    headers: never;
    result: Schemas["Store"][];
  };
  /** List the secrets of the store, without their values */
  "GET /client/v4/accounts/{account_id}/secrets_store/stores/{store_id}/secrets": {
    params: {
      store_id: string;
    };
    query: {
      /** The page, from 1 */
      page?: number;
      /** The most that a page holds */
      per_page?: number;
      /** Part of the name, in any case */
      search?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["StoreSecret"][];
  };
  /** Create secrets: all of them or none */
  "POST /client/v4/accounts/{account_id}/secrets_store/stores/{store_id}/secrets": {
    params: {
      store_id: string;
    };
    query: undefined;
    body: {
      /** Name of the secret, unique in the account */
      name: string;
      /** The value; sealed at once and never shown again */
      value: string;
      /** What may use it */
      scopes: "containers"[];
      /** Shown in lists; default: empty */
      comment?: string;
    }[];
    headers: "idempotencyKey";
    result: Schemas["StoreSecret"][];
  };
  /** Delete a secret that nothing uses */
  "DELETE /client/v4/accounts/{account_id}/secrets_store/stores/{store_id}/secrets/{secret_id}": {
    params: {
      store_id: string;
      secret_id: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey";
    result: {
      id: string;
    };
  };
  /** List resources that are somebody's */
  "GET /owners": {
    params: undefined;
    query: {
      /** Only what is this one's */
      owner?: string;
    };
    body: undefined;
    headers: never;
    result: Schemas["Owned"][];
  };
  /** Give a resource that is nobody's to an owner */
  "PUT /owners/{kind}/{name}": {
    params: {
      kind: string;
      name: string;
    };
    query: undefined;
    body: Schemas["PutOwner"];
    headers: "idempotencyKey";
    result: Schemas["Owned"];
  };
  /** Make a resource nobody's; the resource stays */
  "DELETE /owners/{kind}/{name}": {
    params: {
      kind: string;
      name: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["Message"];
  };
  /** List tokens */
  "GET /tokens": {
    params: undefined;
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
    };
    body: undefined;
    headers: never;
    result: ({
      id: string;
      name: string;
      scopes: ("read" | "deploy" | "operate" | "invoke" | "job:submit" | "admin")[];
      applications?: string[];
      rate_limit?: {
        requests_per_second: number;
      };
      created_at: string;
      expires_at?: string;
      state: "active" | "expired";
    })[];
  };
  /** Create a token; its value is in this answer and nowhere else */
  "POST /tokens": {
    params: undefined;
    query: undefined;
    body: Schemas["CreateToken"];
    headers: "idempotencyKey";
    result: {
      id: string;
      name: string;
      scopes: ("read" | "deploy" | "operate" | "invoke" | "job:submit" | "admin")[];
      applications?: string[];
      rate_limit?: {
        requests_per_second: number;
      };
      created_at: string;
      expires_at?: string;
      state: "active" | "expired";
      value: string;
    };
  };
  /** Get a token, without its value */
  "GET /tokens/{token_id}": {
    params: {
      token_id: string;
    };
    query: undefined;
    body: undefined;
    headers: never;
    result: {
      id: string;
      name: string;
      scopes: ("read" | "deploy" | "operate" | "invoke" | "job:submit" | "admin")[];
      applications?: string[];
      rate_limit?: {
        requests_per_second: number;
      };
      created_at: string;
      expires_at?: string;
      state: "active" | "expired";
    };
  };
  /** Revoke a token: its next request is refused */
  "DELETE /tokens/{token_id}": {
    params: {
      token_id: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["Message"];
  };
  /** List writes and what came of them, newest first */
  "GET /audit": {
    params: undefined;
    query: {
      /** `id` of the oldest entry seen: the page goes on below it; default: from the newest */
      before?: number;
      /** The most that the page holds */
      per_page?: number;
    };
    body: undefined;
    headers: never;
    result: ({
      id: string;
      time: string;
      request_id: string;
      actor: string;
      token_id: string | null;
      method: string;
      path: string;
      address: string | null;
      idempotency_key: string | null;
      signed_by: {
        key_id: string;
        fingerprint: string;
      } | null;
      status: number | null;
      code: string | null;
    })[];
  };
  /** List the accounts that the token reaches */
  "GET /client/v4/accounts": {
    params: undefined;
    query: {
      /** The most that the page holds */
      per_page?: number;
      /** `next_page_token` of the page before; default: the first page */
      page_token?: string;
      /** Only the first page goes by number */
      page?: number;
      /** Only the account of this name */
      name?: string;
    };
    body: undefined;
    headers: never;
    result: {
      id: string;
      name: string;
      created_on?: string;
    }[];
  };
  /** Create an account: the operator only */
  "POST /client/v4/accounts": {
    params: undefined;
    query: undefined;
    body: {
      /** What lists show beside the account's id */
      name: string;
    };
    headers: "idempotencyKey";
    result: {
      id: string;
      name: string;
      created_on?: string;
    };
  };
  /** Delete an account that has no applications: the operator only */
  "DELETE /client/v4/accounts/{account}": {
    params: {
      account: string;
    };
    query: undefined;
    body: undefined;
    headers: "idempotencyKey";
    result: Schemas["Message"];
  };
  /** Limits, locations, defaults and usage of the account */
  "GET /me": {
    params: undefined;
    query: undefined;
    body: undefined;
    headers: never;
    result: Schemas["Me"];
  };
  /** Change the account's defaults, limits and locations */
  "PATCH /me": {
    params: undefined;
    query: undefined;
    body: Schemas["PatchMe"];
    headers: "idempotencyKey" | "ifMatch";
    result: Schemas["Me"];
  };
  /** List addresses of instances */
  "GET /ips": {
    params: undefined;
    query: {
      /** Only addresses that this placement has */
      placement_id?: string;
      /** Only addresses that this deployment has */
      deployment_id?: string;
      /** Only those that a deployment has, or only those that none has */
      allocated?: "true" | "false";
      /** Only IPv4, or only IPv6 */
      ipType?: "v4" | "v6";
    };
    body: undefined;
    headers: never;
    result: Schemas["Ips"];
  };
}
