export default { fetch: () => new Response("Gantry") } satisfies ExportedHandler<Env>;
