/** Two manifests of one owner: everything that can be declared, and the same after some months. */

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9yTl0UMxgBBBQGBQYGBwcICAkJCgoLCwwMDQ0ODg8P";

export const OWNER = "team/web";
export const ENV = { API_KEY: "s3cr3t-value", TOKEN: "t0ken-value" };

export const FIRST = `
owner: ${OWNER}
---
kind: schedule
name: nightly
spec:
  application: web
  cron: 0 3 1 1 *
  time_zone: europe/berlin
  jitter: 5m
  job: { entrypoint: [/bin/sh, -c], command: [exit 0], timeout: 10m, retries: 2 }
---
kind: schedule
name: weekly
spec: { application: { ref: application/web }, cron: 0 4 2 1 *, job: {} }
---
kind: job
name: migrate
spec: { application: web, completions: 3, parallelism: 2, deadline: 1h, suspend: true }
---
kind: application
name: web
spec:
  instances: 1
  jobs: true
  rollout: { min_healthy_time: 0, max_surge: 50% }
  configuration:
    image: hello-world
    secrets: [{ name: API_KEY, type: env, secret: { ref: secret/api-key } }]
    ssh_public_key_ids: [{ ref: ssh-key/laptop }]
---
kind: deployment
name: worker
spec:
  image: hello-world
  location: weur
  environment_variables: [{ name: COLOUR, value: green }]
---
kind: protocol
name: mine
spec: { domains: [{ domain: { ref: registry/r.example.com }, path: team }] }
---
kind: registry
name: r.example.com
spec: { is_public: true }
---
kind: registry
name: docker.io
spec:
  kind: DockerHub
  auth: { public_credential: me, private_credential: { secret_name: { ref: secret/token } } }
---
kind: ssh-key
name: laptop
spec: { public_key: ${KEY} }
---
kind: secret
name: api-key
spec: { value: { env: API_KEY } }
---
kind: secret
name: token
spec: { value: { env: TOKEN }, version: 2 }
---
kind: account
spec: { limits: { total_instances: 500 }, locations: [{ location: weur, weight: 2 }] }
`;

/** Something of each kind is changed, something is new, something is gone. */
export const SECOND = `
owner: ${OWNER}
---
kind: schedule
name: nightly
spec: { application: web, cron: 0 3 1 1 *, time_zone: Europe/Berlin, jitter: 300, job: { image: hello-world } }
---
kind: job
name: migrate
spec: { application: web, completions: 3, parallelism: 2, deadline: 3600, suspend: true }
---
kind: application
name: web
spec:
  instances: 2
  jobs: true
  rollout: { min_healthy_time: 0, max_unavailable: 1, progress_deadline: null }
  configuration:
    image: hello-world
    secrets: [{ name: KEY, type: env, secret: { ref: secret/api-key } }]
---
kind: application
name: admin
spec: { instances: 0, configuration: { image: hello-world, ssh_public_key_ids: [{ ref: ssh-key/desktop }] } }
---
kind: deployment
name: worker
spec:
  image: hello-world
  location: weur
  environment_variables: [{ name: COLOUR, value: blue }]
---
kind: protocol
name: mine
spec: { domains: [{ domain: { ref: registry/s.example.com }, path: "" }] }
---
kind: registry
name: s.example.com
spec: { is_public: true }
---
kind: ssh-key
name: desktop
spec: { public_key: ${KEY} desktop }
---
kind: secret
name: api-key
spec: { value: { env: API_KEY }, version: 2 }
---
kind: account
spec: { limits: { total_instances: 600 } }
`;
