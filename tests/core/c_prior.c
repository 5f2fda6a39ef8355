/* The head `prior` behind the same calls: what it learns, what it refuses, and who refuses it. */
#include "c_abi.h"

#define NAME_DIMENSION 4
#define SCORES 2
#define WAYS 3

/* Inputs and outputs of one lesson. */
typedef struct lesson {
  float z[EXAMPLES * DIMENSION], targets[EXAMPLES * LABELS], mask[EXAMPLES * LABELS],
      w_novel[NAME_DIMENSION * LABELS], known_labels[EXAMPLES * SCORES];
  float l[DIMENSION * WAYS], m[SCORES * WAYS], b[WAYS], used[WAYS], losses[2], logits[EXAMPLES * LABELS];
  double thresholds[LABELS];
  desire_edge_learn_input input;
  desire_edge_learned learned;
} lesson;

static const float w_novel_of_names[] = {1, 0.5F, -0.5F, 0.25F, 0.5F, 1, 0.25F, -1};
static const float name_mean[] = {0.125F, -0.25F, 0.5F, 0.25F};
static const float name_map[] = {0.5F, 0.25F, 0, -0.5F, 1, 0.25F, 0, 0.5F, 0.75F, -0.25F, 0.5F, 1};
static const float classifiers[] = {1, -0.5F, 0.25F, 0.75F, 0.5F, 0.5F};
static const float inference[] = {0.5F, -0.25F, 1, 0.25F, -0.5F, 0.75F, 0.25F, 0};
static const float scalars[DESIRE_EDGE_PRIOR_SCALARS] = {
    0.5F,   0.25F, -0.125F, 0.25F,   -0.125F, 0.5F, 1,  0.125F, -0.25F, 0.75F, -0.25F,
    0.125F, 0.25F, 0.125F,  -0.125F, 1.5F,    0.5F, -1, 0.125F, 0.25F,  0.5F};
static const float threshold_weights[DESIRE_EDGE_THRESHOLD_WEIGHTS] = {0.125F, 0.25F, 0.375F, 0.5F, 0.625F};
static const desire_edge_prior_sizes prior_sizes = {DIMENSION, NAME_DIMENSION, SCORES, 1};
static const desire_edge_prior_f32 prior_arrays = {name_mean, name_map, classifiers,
                                                   inference, scalars,  threshold_weights};

static desire_edge_model* prior_handle(void) {
  desire_edge_model* handle = NULL;
  char error[128];
  expect(
      desire_edge_prior_create(&prior_sizes, &prior_arrays, &handle, error, sizeof error) == DESIRE_EDGE_OK,
      "prior_create");
  expect(handle != NULL && strlen(error) == 0, "a handle");
  return handle;
}

static void set_up(lesson* given) {
  int i;
  memset(given, 0, sizeof *given);
  to_float(z, EXAMPLES * DIMENSION, given->z);
  to_float(targets, EXAMPLES * LABELS, given->targets);
  memcpy(given->w_novel, w_novel_of_names, sizeof w_novel_of_names);
  for (i = 0; i < EXAMPLES * LABELS; ++i) given->mask[i] = 1;
  given->input.examples = EXAMPLES;
  given->input.labels = LABELS;
  given->input.ways = WAYS;
  given->input.z = given->z;
  given->input.targets = given->targets;
  given->input.mask = given->mask;
  given->input.w_novel = given->w_novel;
  given->learned.l = given->l;
  given->learned.m = given->m;
  given->learned.b = given->b;
  given->learned.used = given->used;
  given->learned.losses = given->losses;
  given->learned.logits = given->logits;
  given->learned.thresholds = given->thresholds;
}

static desire_edge_status learn(const desire_edge_model* model, lesson* given, char error[128]) {
  return desire_edge_learn(model, &given->input, &given->learned, error, 128);
}

/* Of tests/core/prior_reference.py: l [d, N], m [k, N], b [N], the logits and the losses. */
typedef struct expected_prior {
  double l[DIMENSION * LABELS], m[SCORES * LABELS], b[LABELS], logits[EXAMPLES * LABELS], losses[2];
} expected_prior;
static const expected_prior by_reference = {
    {0.9508440963360288, -0.0881584890495983, 0.568498937068903, 0.17260396572089157, 0.10139051011355442,
     -0.021328656314751948},
    {0.6824963808726375, -0.6065410241263945, -1.6778941816247805, 1.4563397502469801},
    {-0.597728602956575, -0.2673373180027494},
    {1.874937762456514, -1.3897089967719911, -1.6019150664155113, 1.1319419899511187},
    {0.8578807495740269, 0.20704435051558678}};
static const expected_prior by_reference_told = {
    {1.2574433670536267, -0.4247851707367357, 0.35919887430524766, 0.3327060184829331, -0.2533534019799415,
     0.32943768097637793},
    {0.004945482479791545, 0.08984676353505251, -1.113318279083414, 0.7632021074706368},
    {-0.770851273232426, -0.2164927200373869},
    {1.235971403197797, -0.8577015547032494, -0.9110828096957521, 0.5593346153970211},
    {1.1072713432389727, 0.3496714689554567}};
static const double logits_of_names[] = {0.8903644553930405, 0.2788580570427715, 0.05845401582666793,
                                         -0.7354889537707712};

static void expect_lesson(const lesson* given, const expected_prior* expected) {
  double thresholds[LABELS];
  int i;
  for (i = 0; i < DIMENSION; ++i) {
    expect_close(given->l + i * WAYS, expected->l + i * LABELS, LABELS, 1e-6, "the same l");
    expect(given->l[i * WAYS + LABELS] == 0, "no l of a way without a label");
  }
  for (i = 0; i < SCORES; ++i) {
    expect_close(given->m + i * WAYS, expected->m + i * LABELS, LABELS, 1e-6, "the same m");
    expect(given->m[i * WAYS + LABELS] == 0, "no m of a way without a label");
  }
  expect_close(given->b, expected->b, LABELS, 1e-6, "the same b");
  expect(given->b[LABELS] == 0, "no b of a way without a label");
  expect_close(given->logits, expected->logits, EXAMPLES * LABELS, 1e-6, "the same logits");
  expect_close(given->losses, expected->losses, 2, 1e-6, "the same losses");
  expect(given->learned.steps == 1 && given->learned.conditioning == 0, "one step");
  expect(given->used[0] == 1 && given->used[1] == 1 && given->used[2] == 0, "two of three ways are used");
  expect(desire_edge_thresholds(EXAMPLES, LABELS, given->logits, given->targets, given->mask,
                                threshold_weights, thresholds, NULL, 0) == DESIRE_EDGE_OK,
         "thresholds");
  expect(memcmp(thresholds, given->thresholds, sizeof thresholds) == 0, "the same thresholds");
}

static void learning_is_what_the_reference_says(void) {
  desire_edge_model* model = prior_handle();
  lesson given;
  char error[128];

  set_up(&given);
  expect(learn(model, &given, error) == DESIRE_EDGE_OK && strlen(error) == 0, "learn");
  expect_lesson(&given, &by_reference);

  set_up(&given);
  given.known_labels[SCORES] = 1;
  given.input.known_labels = given.known_labels;
  expect(learn(model, &given, error) == DESIRE_EDGE_OK, "learn with known labels");
  expect_lesson(&given, &by_reference_told);

  set_up(&given);
  memset(given.mask, 0, sizeof given.mask);
  expect(learn(model, &given, error) == DESIRE_EDGE_OK, "learn where nothing is known");
  expect(given.learned.steps == 0 && given.losses[0] == 0 && given.losses[1] == 0, "no step, no loss");
  expect_close(given.logits, logits_of_names, EXAMPLES * LABELS, 1e-6, "names alone");

  set_up(&given);
  given.input.examples = 0;
  given.input.z = given.input.targets = given.input.mask = NULL;
  given.learned.logits = NULL;
  expect(learn(model, &given, error) == DESIRE_EDGE_OK && given.learned.steps == 0, "learn without examples");
  expect(fabs(given.thresholds[0] - 1 / (1 + exp(-0.125))) < 1e-9, "a name's threshold");
  desire_edge_model_destroy(model);
}

/* A lesson's working memory is one block, whatever the steps. */
static void learning_allocates_once(void) {
  desire_edge_model* model = prior_handle();
  lesson given;
  char error[128];
  long before;

  set_up(&given);
  before = allocations;
  expect(learn(model, &given, error) == DESIRE_EDGE_OK, "learn");
  expect(allocations - before <= 1, "one block");
  desire_edge_model_destroy(model);
}

static void errors_name_what_is_wrong(void) {
  desire_edge_model *model = prior_handle(), *none = NULL;
  desire_edge_prior_sizes other_sizes;
  desire_edge_prior_f32 arrays;
  float broken[DESIRE_EDGE_PRIOR_SCALARS];
  lesson given;
  char error[128];

#define REFUSED(change, sentence)                                                            \
  set_up(&given);                                                                            \
  change;                                                                                    \
  expect(learn(model, &given, error) == DESIRE_EDGE_INVALID_ARGUMENT, "refused: " sentence); \
  expect(strstr(error, sentence) == error, "said: " sentence)

  REFUSED(given.input.examples = -1, "input.examples is -1");
  REFUSED(given.input.labels = 0, "input.labels is 0");
  REFUSED(given.input.ways = 1, "input.ways is 1, expected 2");
  REFUSED(given.z[4] = NAN, "z[1, 1] is NaN or infinite");
  REFUSED(given.targets[2] = 1.5F, "targets[1, 0] is 1.5");
  REFUSED(given.mask[0] = -1, "mask[0, 0] is -1");
  REFUSED(given.w_novel[7] = INFINITY, "w_novel[3, 1] is NaN or infinite");
  REFUSED((given.input.known_labels = given.known_labels, given.known_labels[3] = 2),
          "known_labels[1, 1] is 2");
  REFUSED(given.learned.l = NULL, "learned.l is NULL");
  REFUSED(given.learned.m = NULL, "learned.m is NULL");
  REFUSED(given.learned.b = NULL, "learned.b is NULL");
  REFUSED(given.learned.used = NULL, "learned.used is NULL");
  REFUSED(given.learned.losses = NULL, "learned.losses is NULL");
  REFUSED(given.learned.logits = NULL, "learned.logits is NULL");
  REFUSED(given.learned.thresholds = NULL, "learned.thresholds is NULL");
#undef REFUSED
  desire_edge_model_destroy(model);

#define REFUSED(change, sentence)                                                       \
  other_sizes = prior_sizes;                                                            \
  arrays = prior_arrays;                                                                \
  change;                                                                               \
  none = (desire_edge_model*)&none;                                                     \
  expect(desire_edge_prior_create(&other_sizes, &arrays, &none, error, sizeof error) == \
             DESIRE_EDGE_INVALID_ARGUMENT,                                              \
         "refused: " sentence);                                                         \
  expect(none == NULL, "no handle");                                                    \
  expect(strstr(error, sentence) == error, "said: " sentence)

  REFUSED(other_sizes.dimension = 0, "sizes.dimension is 0");
  REFUSED(other_sizes.name_dimension = INT64_MAX, "sizes.name_dimension is 9223372036854775807");
  REFUSED(other_sizes.scores = 0, "sizes.scores is 0");
  REFUSED(arrays.name_mean = NULL, "name_mean is NULL");
  REFUSED(arrays.name_map = NULL, "name_map is NULL, but sizes.name_dimension is 4 and sizes.dimension 3");
  REFUSED(arrays.r = NULL, "r is NULL");
  REFUSED(arrays.inference = NULL, "inference is NULL");
  REFUSED(arrays.scalars = NULL, "scalars is NULL");
  REFUSED(arrays.threshold_weights = NULL, "threshold_weights is NULL");
  memcpy(broken, scalars, sizeof broken);
  broken[20] = NAN;
  REFUSED(arrays.scalars = broken, "scalars[20] is NaN or infinite");
#undef REFUSED
  expect(desire_edge_prior_create(NULL, &prior_arrays, &none, NULL, 0) == DESIRE_EDGE_INVALID_ARGUMENT,
         "no sizes are refused");
  expect(desire_edge_prior_create(&prior_sizes, NULL, &none, NULL, 0) == DESIRE_EDGE_INVALID_ARGUMENT,
         "no arrays are refused");
  expect(desire_edge_prior_create(&prior_sizes, &prior_arrays, NULL, NULL, 0) == DESIRE_EDGE_INVALID_ARGUMENT,
         "nowhere to put it is refused");
}

static void what_does_not_stay_finite_is_reported(void) {
  desire_edge_prior_f32 arrays = prior_arrays;
  desire_edge_model* model = NULL;
  float large[DESIRE_EDGE_PRIOR_SCALARS];
  lesson given;
  char error[128];

  memcpy(large, scalars, sizeof large);
  large[0] = 200; /* e^200 is past single precision */
  arrays.scalars = large;
  expect(desire_edge_prior_create(&prior_sizes, &arrays, &model, error, sizeof error) == DESIRE_EDGE_OK,
         "a model of too much trust");
  set_up(&given);
  expect(learn(model, &given, error) == DESIRE_EDGE_DIVERGED, "an overflow is reported");
  expect(strstr(error, "the result l has a NaN or infinite value") == error, "and said so");
  desire_edge_model_destroy(model);
}

/* Labels and steps are of the other head. */
static void it_learns_and_no_more(void) {
  desire_edge_model* model = prior_handle();
  desire_edge_labels* labels = NULL;
  desire_edge_job job;
  char error[128];

  expect(desire_edge_labels_create(model, LABELS, w_novel_of_names, &labels, error, sizeof error) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "it has no labels");
  expect(labels == NULL && strstr(error, "model has the head prior") == error, "and says so");
  expect(desire_edge_adapt_workspace(model, 1, 1, 1, DESIRE_EDGE_FORM_AUTO) == 0, "nor a workspace");
  memset(&job, 0, sizeof job);
  expect(desire_edge_adapt_many(model, NULL, &job, 1, 1, error, sizeof error) == DESIRE_EDGE_OK,
         "many are tried");
  expect(job.status == DESIRE_EDGE_INVALID_ARGUMENT && strstr(job.error, "model has the head prior"),
         "each is refused");
  desire_edge_model_destroy(model);
}

void test_prior(void) {
  learning_is_what_the_reference_says();
  learning_allocates_once();
  errors_name_what_is_wrong();
  what_does_not_stay_finite_is_reported();
  it_learns_and_no_more();
}
