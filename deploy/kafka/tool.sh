#!/usr/bin/env bash
# Runs one of Kafka's own tools against the running system.
#
#   deploy/kafka/tool.sh CLASS|ALIAS [ARGS...]         RUN_DIR (default .run) says which system
#
#   deploy/kafka/tool.sh topics --list
#   deploy/kafka/tool.sh groups --describe --all-groups
#   deploy/kafka/tool.sh console-consumer --topic submission.judged --from-beginning
#   deploy/kafka/tool.sh org.apache.kafka.tools.GetOffsetShell --topic submission.received
#
# --bootstrap-server is added unless it is given, or the tool has none (aliases dump-log, storage).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

usage() {
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    echo "aliases:"
    aliases | awk '{printf "  %-18s %s\n", $1, $2}'
}

aliases() {
    cat <<'LIST'
topics            org.apache.kafka.tools.TopicCommand
groups            org.apache.kafka.tools.consumer.group.ConsumerGroupCommand
configs           kafka.admin.ConfigCommand
console-consumer  org.apache.kafka.tools.consumer.ConsoleConsumer
console-producer  org.apache.kafka.tools.ConsoleProducer
offsets           org.apache.kafka.tools.GetOffsetShell
delete-records    org.apache.kafka.tools.DeleteRecordsCommand
log-dirs          org.apache.kafka.tools.LogDirsCommand
perf-producer     org.apache.kafka.tools.ProducerPerformance
perf-consumer     org.apache.kafka.tools.ConsumerPerformance
dump-log          kafka.tools.DumpLogSegments
storage           kafka.tools.StorageTool
kafka.admin.ConsumerGroupCommand  org.apache.kafka.tools.consumer.group.ConsumerGroupCommand
kafka.admin.TopicCommand          org.apache.kafka.tools.TopicCommand
LIST
}

bootstrap() {
    local run_dir=${RUN_DIR:-.run}
    case $run_dir in /*) ;; *) run_dir=$root/$run_dir ;; esac
    if ! /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["kafka"])' \
        "$run_dir/demo.json" 2>/dev/null; then
        echo "tool.sh: nothing runs in '$run_dir'; HINT: make up, or give --bootstrap-server" >&2
        return 1
    fi
}

main() {
    case ${1:-} in
    '' | -h | --help) usage; exit 0 ;;
    esac
    local name=$1 class libs option=--bootstrap-server server argument
    shift
    class=$(aliases | awk -v name="$name" '$1 == name {print $2}')
    class=${class:-$name}
    libs=$("$here/fetch.sh")
    for argument in "$@"; do
        case $argument in
        --bootstrap-server* | --help | --version) option= ;;
        esac
    done
    case $class in
    kafka.tools.*) option= ;;
    *Performance)
        case " $* " in *bootstrap.servers*) option= ;; *) option=--producer-props ;; esac
        ;;
    esac
    if [ "$option" = --producer-props ] && [ "$class" = org.apache.kafka.tools.ConsumerPerformance ]; then
        option=--bootstrap-server
    fi
    if [ -n "$option" ]; then
        server=$(bootstrap)
        if [ "$option" = --producer-props ]; then
            set -- "$@" --producer-props "bootstrap.servers=$server"
        else
            set -- "$@" "$option" "$server"
        fi
    fi
    exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        "-Dlog4j2.configurationFile=$here/tool-log4j2.xml" -cp "$libs/*" "$class" "$@"
}

main "$@"
