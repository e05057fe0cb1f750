using System.Globalization;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// Shares out the memory budget of a training. The network and the buffers of a batch come first, but leave at least
/// half of it to the rows. Of that, an eighth is for what the garbage collector has not collected yet.
/// </summary>
/// <param name="budget">The budget in bytes, or null for no limit.</param>
/// <param name="settings">The settings of the training.</param>
/// <param name="networks">Number of networks that are trained together.</param>
internal sealed class MemoryPlan(long? budget, LearningSettings settings, int networks = 1)
{
    /// <summary>Bytes of a row in memory beside its features: label, weight, its place in two orders.</summary>
    public const int BytesPerRow = 4 * sizeof(int);

    private const double Mebibyte = 1 << 20;

    /// <summary>Bytes that the rows may take.</summary>
    /// <param name="features">Number of features of a row.</param>
    /// <param name="classes">Number of classes.</param>
    public long ForRows(int features, int classes)
    {
        if (budget is not long bytes)
            return long.MaxValue;
        long rows = Math.Max(bytes - ForNetwork(features, classes), bytes / 2);
        return rows - rows / 8;
    }

    /// <summary>What readings may leave behind, beside rows.</summary>
    /// <param name="rows">Bytes that rows may take; the largest number there is for no limit.</param>
    public static GarbageLimit GarbageIn(long rows) => new(rows == long.MaxValue ? null : rows / 7);

    /// <summary>Bytes that validation rows may take.</summary>
    /// <param name="train">The training rows.</param>
    public long ForValidation(FirstReading train)
    {
        long rows = ForRows(train.Survey.FeatureCount, train.Survey.ClassCount);
        return train.Rows is null ? rows / 4 : rows - train.Bytes;
    }

    /// <summary>Decides how training and validation rows are kept or streamed.</summary>
    /// <param name="train">The training rows' first reading.</param>
    /// <param name="validation">The validation rows' first reading, or null.</param>
    /// <param name="info">Receives what a user may want to know.</param>
    /// <exception cref="InvalidOperationException">The budget is too small.</exception>
    public (RowSource Train, RowSource? Validation) Arrange(
        FirstReading train,
        FirstReading? validation,
        Action<string> info
    )
    {
        int batch = Math.Min(settings.BatchSize, train.Survey.RowCount);
        long left = ForRows(train.Survey.FeatureCount, train.Survey.ClassCount);
        RowSource? judges = null;
        if (validation is not null)
        {
            // They are read in their own order: one batch at a time will do.
            judges = validation.Rows is LabeledRows rows
                ? rows
                : new StreamedRows(validation.Reader, validation.Survey, batch, rowsToKeep: 0, GarbageIn(left));
            left -= validation.Rows is not null
                ? validation.Bytes
                : BytesOf(validation.Survey, batch) + validation.Survey.ReaderBytes;
            Describe(validation, judges, info);
        }

        RowSource learned = train.Rows is LabeledRows kept ? kept : Stream(train, batch, left);
        Describe(train, learned, info);
        return (learned, judges);
    }

    private StreamedRows Stream(FirstReading train, int batch, long bytes)
    {
        RowSurvey survey = train.Survey;

        // The order, and once more when rows to judge by are chosen.
        long left = bytes - survey.ReaderBytes - 2L * sizeof(int) * survey.RowCount;
        int judged = Math.Min(survey.RowCount, LearningSettings.MaximumRowsForTrainingAccuracy);
        long judgedBytes = BytesOf(survey, judged);
        bool keepsJudged = judgedBytes <= left / 4;
        if (keepsJudged)
            left -= judgedBytes;

        int block = RowsWithin(survey, left, batch, random: true);
        if (block > 0 && survey.RowCount > (long)block * StreamedRows.MaximumReadings && !survey.IsSortedByClass)
            block = RowsWithin(survey, left, batch, random: false);
        if (block == 0)
            throw TooSmall(survey, batch, needed: bytes - left + BytesOf(survey, batch));
        return new StreamedRows(train.Reader, survey, block, keepsJudged ? judged : 0, GarbageIn(bytes));
    }

    // The number of rows, in whole batches, that hardly ever take more. Sums of n random rows deviate from n means by
    // √n standard deviations; neighbours in the view may all be large ones.
    private static int RowsWithin(RowSurvey survey, long bytes, int batch, bool random)
    {
        (double mean, double deviation, double largest) = RowBlock.BytesPerRow(survey);
        if (bytes < batch * mean)
            return 0;
        double rows = bytes / largest;
        if (random)
        {
            // n·mean + 6·√n·deviation = bytes, solved for √n.
            double root = (-6 * deviation + Math.Sqrt(36 * deviation * deviation + 4 * mean * bytes)) / (2 * mean);
            rows = Math.Max(rows, root * root);
        }

        int most = (int)Math.Min(rows, Math.Min(survey.RowCount + batch - 1L, int.MaxValue - batch));
        return most / batch * batch;
    }

    private static long BytesOf(RowSurvey survey, int rows) => (long)(rows * RowBlock.BytesPerRow(survey).Mean);

    private InvalidOperationException TooSmall(RowSurvey survey, int batch, long needed)
    {
        double network = ForNetwork(survey.FeatureCount, survey.ClassCount);
        double rows = needed / 0.875;
        double enough = Math.Min(rows + network, 2 * rows);
        return new InvalidOperationException(
            string.Create(
                CultureInfo.InvariantCulture,
                $"The memory budget of {budget / Mebibyte:0.#} MiB is too small to train on {survey.RowCount} instances in batches of {batch} with {survey.FeatureCount} features: it takes at least {Math.Ceiling(enough / Mebibyte):0} MiB, or a smaller batch size."
            )
        );
    }

    // Weights with their gradients, two moments, best values and the copy that becomes the model; the batch, twice since
    // the last one of an epoch may be smaller.
    private long ForNetwork(int features, int classes)
    {
        string sources = settings.HiddenSources;
        long neurons = sources.Length == 0 ? 0 : settings.HiddenNeurons;
        long lateral = sources.Contains('L', StringComparison.Ordinal)
            ? Math.Min(neurons, settings.MaximumLateralConnections + 1L)
            : 0;
        long context = sources.Contains('C', StringComparison.Ordinal) ? classes : 0;
        long weights =
            neurons * (features + context + lateral + sources.Length)
            + classes * ((neurons == 0 ? features : neurons) + 1);
        long matrices = 3 + sources.Length + (lateral > 0 && lateral < neurons ? 1 : 0);
        long receptiveFields = neurons * features; // those of the epoch before

        // Where several are trained, each thread has one in work, and all threads together another one.
        int threads = settings.Threads ?? Environment.ProcessorCount;
        long inWork = networks == 1 ? 1 : Math.Min(networks, threads) + 1L;
        long batch = settings.BatchSize * (features + inWork * (matrices * neurons + 2L * classes) + 3);
        return sizeof(float) * (networks * (6 * weights + receptiveFields) + 2 * batch);
    }

    private void Describe(FirstReading reading, RowSource rows, Action<string> info)
    {
        if (budget is not long bytes)
            return;
        string how = rows is StreamedRows streamed
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"more than its share, and is streamed in blocks of {streamed.RowsPerBlock} instances"
            )
            : "and is kept in memory";
        if (rows is StreamedRows { ReadingsPerEpoch: int readings } && reading.Reader.Purpose == "training")
            how += string.Create(
                CultureInfo.InvariantCulture,
                $", in {readings} readings an epoch, shuffled over {(((StreamedRows)rows).ShufflesOverAll ? "all instances" : $"windows of {(long)readings * ((StreamedRows)rows).RowsPerBlock} neighbouring instances")}"
            );
        info(
            string.Create(
                CultureInfo.InvariantCulture,
                $"The {reading.Reader.Purpose} data takes {reading.Bytes / Mebibyte:F1} MiB of a memory budget of {bytes / Mebibyte:0.#} MiB, {how}."
            )
        );
    }
}
