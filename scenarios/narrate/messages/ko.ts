/**
 * What a narrator says, in Korean: the keys and values of `en.ts`. `{name:은/는}` is a value with the
 * particle that suits its last sound.
 */
import type { Catalogue } from "./catalogue.ts";

export const ko: Catalogue = {
  "record.keyed": "{key}의 {value}",
  "record.plain": "{value}",

  "handed.keyed":
    "{from}초부터 {to}초까지 {producer:이/가} 토픽 {topic}에 보낼 레코드 {count}개를 " +
    "받습니다: {keys}.",
  "handed.key": "키 {key:으로/로} {count}개({values})",
  "handed.plain":
    "{at}초에 {producer:이/가} 토픽 {topic}에 보낼, 키가 없는 레코드 {count}개를 받습니다: " +
    "{values}.",

  "metadata.learned":
    "{producer:은/는} 아직 {topic} 토픽을 모르므로 {broker}에 메타데이터를 묻습니다. 어느 " +
    "브로커나 답할 수 있습니다. 답은 {at}초에 도착하여 {producer}의 캐시에 남습니다. " +
    "파티션은 {count}개이고, {leaders}입니다.",
  "metadata.leader": "파티션 {partition}의 리더는 {leader}",
  "partition.key": "파티션은 키가 정합니다.",

  "partition.hash":
    "murmur2({key})의 부호를 떼면 {hash}이고, {hash} % {count} = {partition}이므로 {key}의 " +
    "레코드 {records}개는 모두 파티션 {partition:으로/로} 갑니다.",
  "partition.cycle":
    "라운드 로빈 파티셔너는 내용과 관계없이 차례로 돌아가며 고릅니다: {places}. 파티션 " +
    "{count}개의 리더는 서로 다른 브로커 {count}개입니다.",
  "partition.place": "{value} → 파티션 {partition}(리더 {leader})",
  "partition.sticky":
    "{producer:은/는} 파티션을 한 번만 골라서, 파티션 {partition}에 레코드 {count}개를 모두 " +
    "넣습니다. 이 파티션에 {bytes}바이트(batch.size)를 채운 뒤에야 다시 고릅니다.",

  "leader.cached":
    "{producer:은/는} 다시 묻지 않습니다. 이 파티션들의 리더는 캐시에 있습니다: {leaders}.",
  "leader.cached.one":
    "{producer:은/는} 다시 묻지 않습니다. {at}초에 채운 캐시를 보면 {leader:이/가} 파티션 " +
    "{partition}의 리더입니다.",

  "produce.one":
    "{producer:이/가} {what:을/를} {leader}에 보내고, 요청은 {arrivedAt}초에 도착합니다. " +
    "파티션 {partition}의 리더 {leader:이/가} 오프셋 {offset}에 추가하고, 팔로워 " +
    "{followers:이/가} 복제하고, 하이 워터마크가 {offset:을/를} 넘어선({passedAt}초) " +
    "다음에야 {leader:이/가} {producer}에 응답합니다({ackedAt}초).",
  "produce.more": "나머지 {count}개도 같은 길을 갑니다: {places}.",
  "produce.place": "{what:은/는} 파티션 {partition}의 오프셋 {offset}({at}초)",
  "produce.each":
    "linger.ms가 {linger}이므로 다른 레코드를 기다리지 않습니다. {producer:은/는} Produce " +
    "요청 {count}개를 브로커 {count}개에 보내며, 요청마다 레코드 하나짜리 배치가 하나씩 " +
    "들어 있습니다.",
  "produce.append":
    "{leader:이/가} {what:을/를} 파티션 {partition}의 오프셋 {offset}에 추가하고, " +
    "{followers:이/가} 복제하고, 하이 워터마크가 {offset:을/를} 넘어서고, {producer:은/는} " +
    "{at}초에 응답을 받습니다.",
  "produce.batch":
    "배치는 linger.ms인 {linger}ms 동안 다른 레코드를 기다리다가 {sentAt}초에 Produce 요청 " +
    "하나로 떠납니다: 레코드 {count}개, {bytes}바이트. {leader:이/가} 오프셋 {first}부터 " +
    "{last}까지 추가하고, 팔로워 {followers:이/가} 복제하고, 하이 워터마크가 {last:을/를} " +
    "넘어서면({passedAt}초) {leader:이/가} {count}개 모두에 확인 응답을 " +
    "보냅니다({ackedAt}초).",

  "group.joined":
    "{members:이/가} 코디네이터 {coordinator}에서 컨슈머 그룹 {group}에 참여하고, " +
    "코디네이터는 제너레이션 {generation:을/를} 시작합니다. 그룹 리더 {leader:이/가} " +
    "파티션을 나누어 줍니다({assignor}): {shares}. 멤버들은 SyncGroup 응답으로 자기 몫을 " +
    "알게 됩니다(마지막은 {at}초).",
  "group.share": "{partition:은/는} {member}",
  "group.owner":
    "파티션 {partition:과/와} 여기에 속한 키 {key:은/는} {member:이/가} 혼자 맡습니다.",
  "group.owner.plain": "파티션 {partition:은/는} {member:이/가} 혼자 맡습니다.",

  "read.polled":
    "{member:은/는} 파티션 {partition:을/를} 리더 {leader}에서 자기 위치 {position}부터 " +
    "가져오고, poll은 {offsets:을/를} 돌려줍니다({at}초).",
  "read.rule": "리더는 하이 워터마크 아래에 있는 것만 내줍니다.",
  "read.offset": "오프셋 {offset}의 레코드",
  "read.offsets": "오프셋 {offsets}의 레코드",
  "read.range": "오프셋 {first}부터 {last}까지의 레코드",

  "work.key": "{key}의 레코드는 {member}만 처리합니다: {works}.",
  "work.order": "어느 키나 오프셋 순서 그대로, 곧 보낸 순서 그대로입니다.",
  "work.offset": "{value}(오프셋 {offset}, {at}초 완료)",
  "work.parallel":
    "멤버 {count}개가 동시에 일하며, 레코드 하나에 {work}ms가 걸립니다: {works}. " +
    "{from}초부터 {to}초까지는 {count}개가 모두 일하는 중입니다.",
  "work.interval": "{member:은/는} {from}초부터 {to}초까지 {value}",
  "work.row":
    "{member:은/는} {count}개를 모두 오프셋 순서대로 하나씩 처리합니다({from}초부터 " +
    "{to}초까지).",
  "work.later":
    "그 뒤 {producer:은/는} 파티션 {partition:을/를} 새로 고릅니다. {value:은/는} 그곳의 " +
    "오프셋 {offset}에 들어가고, 그 파티션을 맡은 {member:이/가} 처리합니다({at}초).",

  "story.broken": "이야기는 여기서 끊깁니다. 무엇이 빠졌는지는 {violation} 위반에 있습니다.",
};
