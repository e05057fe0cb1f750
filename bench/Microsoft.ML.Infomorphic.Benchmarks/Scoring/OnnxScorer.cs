using Microsoft.ML.OnnxRuntime;

namespace Microsoft.ML.Infomorphic.Benchmarks.Scoring;

/// <summary>
/// ONNX Runtime on the exported model, at its best: rows lie in memory side by side, inputs and outputs are views of them
/// that are made beforehand, and nothing is copied or allocated.
/// </summary>
internal sealed class OnnxScorer : IDisposable
{
    private static readonly string[] s_outputs = ["Score", "PredictedLabel"];

    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly string[] _inputs;
    private readonly float[] _features;
    private readonly float[] _scores;
    private readonly long[] _labels;
    private readonly int _rows;

    /// <summary>Loads the model.</summary>
    /// <param name="path">The model.</param>
    /// <param name="features">Rows × features.</param>
    /// <param name="threads">Threads of an operator.</param>
    public OnnxScorer(string path, float[] features, int threads)
    {
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        _session = new InferenceSession(path, options);
        _inputs = [.. _session.InputMetadata.Keys];
        _features = features;
        _rows = features.Length / BenchmarkData.Features;
        _scores = new float[_rows * BenchmarkData.Classes];
        _labels = new long[_rows];
    }

    public static string Version =>
        typeof(InferenceSession).Assembly.GetName().Version is Version version ? version.ToString(3) : "unknown";

    /// <summary>The scores of the rows that were scored last.</summary>
    public ReadOnlySpan<float> Scores => _scores;

    /// <summary>Cuts rows into batches, the last of which may be smaller.</summary>
    public IReadOnlyList<Batch> Batches(int size, int rows) =>
        [
            .. Enumerable
                .Range(0, (rows + size - 1) / size)
                .Select(batch => new Batch(this, batch * size, Math.Min(size, rows - batch * size))),
        ];

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }

    /// <summary>Rows that are scored together.</summary>
    internal sealed class Batch : IDisposable
    {
        private readonly OnnxScorer _owner;
        private readonly OrtValue[] _inputs;
        private readonly OrtValue[] _outputs;

        public Batch(OnnxScorer owner, int start, int count)
        {
            _owner = owner;
            _inputs = [View(owner._features, start, count, BenchmarkData.Features)];
            _outputs = [View(owner._scores, start, count, BenchmarkData.Classes), View(owner._labels, start, count)];
        }

        public void Run() => _owner._session.Run(_owner._run, _owner._inputs, _inputs, s_outputs, _outputs);

        public void Dispose()
        {
            foreach (OrtValue value in (IEnumerable<OrtValue>)[.. _inputs, .. _outputs])
                value.Dispose();
        }

        private static OrtValue View<T>(T[] all, int start, int count, int? width = null)
            where T : unmanaged
        {
            int length = width ?? 1;
            long[] shape = width is null ? [count] : [count, length];
            return OrtValue.CreateTensorValueFromMemory(
                OrtMemoryInfo.DefaultInstance,
                all.AsMemory(start * length, count * length),
                shape
            );
        }
    }
}
