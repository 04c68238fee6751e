/**
 * meta.properties of a log directory (MetaProperties.java, KIP-858): which cluster and node it
 * belongs to, and its own id. A node refuses a directory of somebody else by ending, since it would
 * serve another node's data as its own.
 *
 * Differs from Kafka: an empty directory is formatted at the first start; there is no storage tool.
 */
import type { NodeId, Uuid } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { utf8Decode } from "../record/utf8.ts";
import { randomUuid } from "../uuid.ts";
import { readWhole, unreadable, writeWhole } from "./checkpoint-file.ts";

const FILE_NAME = "meta.properties";
const VERSION = "1";

/** The id of the directory. Ends the process when the directory is another cluster's or node's. */
export function openMetaProperties(
  ports: Ports,
  directory: string,
  clusterId: string,
  nodeId: NodeId,
): Uuid {
  const { storage, random, host } = ports;
  const bytes = readWhole(storage, directory, FILE_NAME);
  if (bytes === null) {
    const directoryId = randomUuid(random, "directory id");
    const rows = [
      `cluster.id=${clusterId}`,
      `directory.id=${directoryId}`,
      `node.id=${nodeId}`,
      `version=${VERSION}`,
    ];
    writeWhole(storage, directory, FILE_NAME, `${rows.join("\n")}\n`);
    return directoryId;
  }
  const found = parseProperties(utf8Decode(bytes));
  const directoryId = found.get("directory.id");
  if (directoryId === undefined || found.get("version") !== VERSION) {
    throw unreadable(`${directory}/${FILE_NAME}`);
  }
  const foundCluster = found.get("cluster.id");
  if (foundCluster !== clusterId) {
    host.exit(`InconsistentClusterId: ${directory} is of ${foundCluster}, not of ${clusterId}`);
  }
  const foundNode = found.get("node.id");
  if (foundNode !== String(nodeId)) {
    host.exit(`foreign node.id: ${directory} is of node ${foundNode}, not of node ${nodeId}`);
  }
  return directoryId;
}

function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    if (equals > 0) properties.set(line.slice(0, equals), line.slice(equals + 1));
  }
  return properties;
}
