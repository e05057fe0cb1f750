using System.Globalization;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>
/// Divides the memory budget of a training. The network and the buffers of a batch come first, but leave at least
/// half of it to the rows. Of that, an eighth is for what the garbage collector has not collected yet.
/// </summary>
/// <param name="budget">The budget in bytes, or null for no limit.</param>
/// <param name="settings">The settings of the training.</param>
/// <param name="networks">Number of networks that are trained together.</param>
internal sealed class MemoryPlan(long? budget, TrainingSettings settings, int networks = 1)
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
        if (rows == long.MaxValue)
            return rows;
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
        RowSource? forValidation = null;
        if (validation is not null)
        {
            // They are read in their own order: one batch at a time will do.
            forValidation = validation.Rows is LabeledRows rows
                ? rows
                : new StreamedRows(validation.Reader, validation.Survey, batch, rowsToKeep: 0, GarbageIn(left));
            left -= validation.Rows is not null
                ? validation.Bytes
                : BytesOf(validation.Survey, batch) + validation.Survey.ReaderBytes;
            Describe(validation, forValidation, info);
        }

        RowSource learned = train.Rows is LabeledRows kept ? kept : Stream(train, batch, left);
        Describe(train, learned, info);
        return (learned, forValidation);
    }

    private StreamedRows Stream(FirstReading train, int batch, long bytes)
    {
        RowSurvey survey = train.Survey;

        // The order, and once more when rows for the training accuracy are chosen.
        long left = bytes - survey.ReaderBytes - 2L * sizeof(int) * survey.RowCount;
        int evaluated = Math.Min(survey.RowCount, TrainingSettings.MaximumRowsForTrainingAccuracy);
        long evaluatedBytes = BytesOf(survey, evaluated);
        bool keepsEvaluated = evaluatedBytes <= left / 4;
        if (keepsEvaluated)
            left -= evaluatedBytes;

        int block = RowsWithin(survey, left, batch, random: true);
        if (block > 0 && survey.RowCount > (long)block * StreamedRows.MaximumReadings && !survey.IsSortedByClass)
            block = RowsWithin(survey, left, batch, random: false);
        if (block == 0)
            throw TooSmall(survey, batch, needed: bytes - left + BytesOf(survey, batch));
        return new StreamedRows(train.Reader, survey, block, keepsEvaluated ? evaluated : 0, GarbageIn(bytes));
    }

    // The number of rows, in whole batches, that hardly ever take more. Sums of n random rows deviate from n means by
    // √n standard deviations; neighbours in the view may all be large ones.
    private static int RowsWithin(RowSurvey survey, long bytes, int batch, bool random)
    {
        (double mean, double deviation, double largest) = RowStore.BytesPerRow(survey);
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

    private static long BytesOf(RowSurvey survey, int rows) => (long)(rows * RowStore.BytesPerRow(survey).Mean);

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

    /// <summary>What training takes at least, whatever the budget: the weights with what is learned of them, and one batch.</summary>
    /// <param name="features">Number of features.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="rows">Number of rows that a batch and the calibration can have at most.</param>
    /// <returns>The bytes, and the layer that takes most of them.</returns>
    /// <exception cref="ArgumentException">The layers do not fit each other or the features.</exception>
    public (double Bytes, LayerSize Largest) AtLeast(int features, int classes, int rows)
    {
        const int Copies = 5; // weights, gradients, two moments; and the model
        IReadOnlyList<LayerSize> layers = Layers(features, classes);
        long batch = Math.Min(settings.BatchSize, rows);
        double calibration = 2.0 * sizeof(float) * classes * Math.Min(rows, TrainingSettings.MaximumRowsForCalibration);
        double bytes = networks * (layers.Sum(layer => Copies * sizeof(float) * layer.Weights) + calibration);
        return (
            bytes + layers.Sum(BatchOf),
            layers.MaxBy(layer => Copies * sizeof(float) * layer.Weights + BatchOf(layer))
        );

        double BatchOf(LayerSize layer) => sizeof(float) * batch * layer.NumbersOfRow;
    }

    // Weights with their gradients, two moments, best values and the copy that becomes the model; the batch, twice since
    // the last one of an epoch may be smaller. Before them, and in less, there are the sketches of the features' quantiles.
    private long ForNetwork(int features, int classes)
    {
        features = Encoded(features);
        IReadOnlyList<LayerSize> layers = Layers(features, classes);
        double weights = layers.Sum(layer => layer.Weights);
        double receptiveFields = layers.Sum(layer => layer.ReceptiveFields);
        double numbers = layers.Sum(layer => layer.NumbersOfRow);

        // Where several are trained, each thread has one in work, and all threads together another one.
        int threads = settings.Threads ?? Environment.ProcessorCount;
        int inWork = networks == 1 ? 1 : Math.Min(networks, threads) + 1;
        double batch = settings.BatchSize * (features + inWork * numbers + 3);
        double bytes = sizeof(float) * (networks * (6 * weights + receptiveFields) + 2 * batch);
        return bytes < long.MaxValue / 4 ? (long)bytes : long.MaxValue / 4;
    }

    // Numbers of a row at most, once it is encoded.
    private int Encoded(int features) =>
        features
        + FeatureEncodingEstimator.MostAdded(
            features,
            settings.Encoding,
            settings.MissingValues,
            settings.Image is not null
        );

    private LayerSize[] Layers(int features, int classes)
    {
        var layers = new NetworkBuilder(settings, features, classes, encoding: null, draws: false).Connect();
        return [.. layers.Select((layer, i) => SizeOf(layer, i, isLast: i == layers.Count - 1))];
    }

    private static LayerSize SizeOf(
        IReadOnlyList<(char Symbol, (Signal Signal, Connectivity Connectivity)[] Heard)> sources,
        int index,
        bool isLast
    )
    {
        double neurons = sources[0].Heard[0].Connectivity.NeuronCount;
        double weights = 0;
        double receptiveFields = 0; // those of the epoch before
        double numbers = 0; // of a row of the batch
        double positions = 1;
        (char Symbol, int Connections) most = ('F', 0);
        foreach ((char symbol, (Signal Signal, Connectivity Connectivity)[] heard) in sources)
        {
            weights += neurons;
            foreach ((_, Connectivity connectivity) in heard)
            {
                double ofProjection = neurons * connectivity.ConnectionsPerNeuron;
                weights += ofProjection;
                if (symbol == 'F' && !isLast)
                    receptiveFields += ofProjection;
                numbers += connectivity switch
                {
                    SharedFields shared => (double)shared.PositionCount * shared.ConnectionsPerNeuron,
                    DrawnConnected => neurons,
                    _ => 0,
                };
                if (connectivity is SharedFields at)
                    positions = at.PositionCount;
                if (connectivity.ConnectionsPerNeuron > most.Connections)
                    most = (symbol, connectivity.ConnectionsPerNeuron);
            }
        }

        // Sums by source, and outputs of two visits.
        numbers += positions * neurons * (sources.Count + 2);
        return new LayerSize(index, neurons, weights, receptiveFields, numbers, most.Symbol, most.Connections);
    }

    private void Describe(FirstReading reading, RowSource rows, Action<string> info)
    {
        if (budget is not long bytes)
            return;
        string how = rows is StreamedRows streamed
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"more than is left for it, and is streamed in blocks of {streamed.RowsPerBlock} instances"
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

/// <summary>What decides the memory that a layer takes in training.</summary>
/// <param name="Index">Its place in the network.</param>
/// <param name="Neurons">Number of neurons.</param>
/// <param name="Weights">Number of weights and biases.</param>
/// <param name="ReceptiveFields">Number of weights that are kept for what an epoch makes of them.</param>
/// <param name="NumbersOfRow">Number of numbers that are computed of a row.</param>
/// <param name="LargestSource">The source with the most connections.</param>
/// <param name="Connections">Its connections of a neuron.</param>
internal readonly record struct LayerSize(
    int Index,
    double Neurons,
    double Weights,
    double ReceptiveFields,
    double NumbersOfRow,
    char LargestSource,
    int Connections
);
