/** Who made a batch that a leader appends: a client, the node's own coordinator, or Raft. */
export type AppendOrigin = "client" | "coordinator" | "raft";
