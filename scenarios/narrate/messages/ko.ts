/**
 * What a narrator says, in Korean: the keys and values of `en.ts`. `{name:은/는}` is a value with the
 * particle that suits its last sound.
 */
import type { Catalogue } from "./catalogue.ts";

export const ko: Catalogue = {
  "record.keyed": "{key}의 {value}",
  "record.plain": "{value}",

  "handed.keyed":
    "{from}초부터 {to}초까지 {producer:이/가} 토픽 {topic}에 보낼 레코드 {count}개를 받습니다: {keys}.",
  "handed.key": "키 {key} {count}개({values})",
  "handed.plain":
    "{at}초에 {producer:이/가} 토픽 {topic}에 보낼, 키 없는 레코드 {count}개를 받습니다: {values}.",

  "metadata.learned":
    "{producer:은/는} 아직 {topic} 토픽을 모르므로 {broker}에 메타데이터를 묻습니다. 어느 브로커나 답할 수 " +
    "있습니다. {at}초에 도착한 답은 {producer}의 캐시에 남습니다: 파티션 {count}개, {leaders}.",
  "metadata.leader": "파티션 {partition}의 리더는 {leader}",

  "partition.hash":
    "파티션은 키가 정합니다. 부호를 뗀 murmur2({key})는 {hash}, {hash} % {count} = {partition}. 그래서 " +
    "{key}의 레코드 {records}개는 모두 파티션 {partition:으로/로} 갑니다.",
  "partition.cycle":
    "라운드 로빈 파티셔너는 내용과 관계없이 차례대로 돌아가며 리더가 서로 다른 파티션을 고릅니다(파티션 " +
    "{count}개, 리더 {count}개): {places}.",
  "partition.place": "{value} → 파티션 {partition}(리더 {leader})",
  "partition.sticky":
    "{producer:은/는} 파티션을 한 번만 고릅니다. 고른 파티션 {partition:을/를} 레코드 {count}개 모두에 쓰고, " +
    "{bytes}바이트(batch.size)를 채운 뒤에야 다시 고릅니다.",

  "leader.cached":
    "{producer:은/는} 다시 묻지 않습니다. 이 파티션들의 리더는 캐시에 있습니다: {leaders}.",
  "leader.cached.one":
    "{producer:은/는} 다시 묻지 않습니다. {at}초에 채운 캐시를 보면 {leader:이/가} 파티션 {partition}의 " +
    "리더입니다.",

  "produce.one":
    "{producer:이/가} {what:을/를} {leader}에 보내고, 요청은 {arrivedAt}초에 도착합니다. 파티션 " +
    "{partition}의 리더 {leader:이/가} 오프셋 {offset}에 추가하고, 팔로워 {followers:이/가} 가져가고, 하이 " +
    "워터마크가 {offset:을/를} 넘어선({passedAt}초) 다음에야 {leader:이/가} {producer}에 응답합니다" +
    "({ackedAt}초).",
  "produce.more": "나머지 {count}개도 같은 길을 갑니다: {places}.",
  "produce.place": "{what:은/는} 파티션 {partition}의 오프셋 {offset}({at}초)",
  "produce.each":
    "linger.ms가 {linger:이므로/므로} 아무것도 다른 레코드를 기다리지 않습니다. {producer:은/는} 레코드가 " +
    "하나씩 든 배치를 하나씩 담아 프로듀스 요청 {count}개를 브로커 {count}개에 보냅니다. {appends}.",
  "produce.append":
    "{leader:이/가} {what:을/를} 파티션 {partition}의 오프셋 {offset}에 추가하고, {followers:이/가} " +
    "가져가고, {producer:은/는} {at}초에 응답을 받습니다",
  "produce.batch":
    "첫 레코드를 넣고 {linger}ms(linger.ms)가 지나자 배치가 프로듀스 요청 하나에 실려 떠납니다: 레코드 " +
    "{count}개, {bytes}바이트. {leader:이/가} 오프셋 {first}부터 {last}까지 추가하고, 팔로워 " +
    "{followers:이/가} 가져가고, 하이 워터마크가 {last:을/를} 넘어서자({passedAt}초) {leader:이/가} " +
    "{count}개를 한꺼번에 확인해 줍니다({ackedAt}초).",

  "group.joined":
    "{members:이/가} 코디네이터 {coordinator}에서 컨슈머 그룹 {group}에 참여하여 {generation}세대를 " +
    "이룹니다. 리더인 {leader:이/가} 파티션을 나누고({assignor}), 저마다 SyncGroup으로 자기 몫을 압니다" +
    "(마지막은 {at}초): {shares}.",
  "group.share": "{member:은/는} {partitions}",
  "group.share.none": "{member:은/는} 없음",
  "group.owner": "그래서 파티션 {partition}, 곧 {key:은/는} {member} 혼자 맡습니다.",
  "group.owner.plain": "그래서 파티션 {partition:은/는} {member} 혼자 맡습니다.",

  "read.polled":
    "{member:이/가} 파티션 {partition:을/를} 리더 {leader}에서 자기 위치 {position}부터 가져옵니다. " +
    "{leader:은/는} 하이 워터마크 아래의 것만 내주고, poll은 {offsets:을/를} 돌려줍니다({at}초).",
  "read.offset": "오프셋 {offset}",
  "read.offsets": "오프셋 {offsets}",
  "read.range": "오프셋 {first}부터 {last}까지 차례대로 모두",

  "work.key":
    "{key}에 일어난 일은 오직 {member:이/가} 처리합니다: {works}. 오프셋의 순서이자 보낸 순서입니다.",
  "work.offset": "{value}(오프셋 {offset}, {at}초에 끝남)",
  "work.parallel":
    "멤버 {count}개가 레코드마다 {work}ms씩 동시에 일합니다: {works}. {from}초부터 {to}초까지는 {count}개가 " +
    "모두 일하는 중입니다.",
  "work.interval": "{member:은/는} {value}, {from}초부터 {to}초까지",
  "work.row":
    "{member:이/가} {count}개를 모두 오프셋 순서대로 하나씩 처리합니다({from}초부터 {to}초까지).",
  "work.later":
    "나중에 {producer:이/가} 파티션 {partition:을/를} 고릅니다. {value:은/는} 그곳의 오프셋 {offset:을/를} " +
    "받고, 그 파티션을 맡은 {member:이/가} 처리합니다({at}초).",

  "story.broken": "이야기는 여기서 끊깁니다. 무엇이 빠졌는지는 {violation} 위반에 있습니다.",
};
