#include "io/kafka_conf.h"

enum err_code
kafka_conf_new(const struct kafka_setting *settings, size_t count, rd_kafka_conf_t **ret_conf,
               struct err *err)
{
    char text[ERR_TEXT_SIZE];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_conf_set(conf, settings[i].name, settings[i].value, text, sizeof text) ==
            RD_KAFKA_CONF_OK)
            continue;
        rd_kafka_conf_destroy(conf);
        return ERR(err, ERR_CONFIG, "kafka setting '%s': %.180s", settings[i].name, text);
    }
    *ret_conf = conf;
    return ERR_OK;
}

enum err_code
kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_client,
                 struct err *err)
{
    char text[ERR_TEXT_SIZE];
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        return ERR(err, ERR_CONFIG, "cannot make a kafka client: %.200s", text);
    }
    *ret_client = client;
    return ERR_OK;
}
