using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Fuzzing;

/// <summary>Reads what may be a model, and scores rows with it.</summary>
internal static class Trial
{
    // A reader needs some memory of its own, ML.NET's above all; what a file promises must be in the file.
    private const long AllocationAllowance = 32 << 20;
    private const int AllocationsPerByte = 64;

    /// <summary>Loads a model file as an application that trusts no file does, and scores rows of its own schema.</summary>
    public static Verdict OfFile(byte[] file) =>
        Judge(
            file.Length,
            () =>
            {
                var context = new MLContext(1);
                ITransformer model = ModelFile.Load(
                    context.Model,
                    new MemoryStream(file),
                    "The file",
                    out DataViewSchema? schema
                );
                if (schema is null)
                    return;
                IDataView scored = model.Transform(new SomeRows(schema));
                if (scored.Schema["Score"].Type is VectorDataViewType)
                    foreach (VBuffer<float> score in scored.GetColumn<VBuffer<float>>("Score"))
                        _ = score.Length;
                else
                    foreach (float score in scored.GetColumn<float>("Score"))
                        _ = score;
            }
        );

    /// <summary>Reads a model by itself, scores rows, and writes it again.</summary>
    /// <param name="model">Its bytes.</param>
    /// <param name="version">The version of the format that it is in.</param>
    public static Verdict OfModel(byte[] model, uint version) =>
        Judge(
            model.Length,
            () =>
            {
                ModelContents contents;
                try
                {
                    contents = ModelFormat.Read(new MemoryStream(model), model.Length, version);
                }
                catch (ArgumentException exception)
                {
                    // ModelFormat's caller makes this error of it, too.
                    throw new FormatException(exception.Message.Split('\n')[0], exception);
                }
                var scorer = new EnsembleScorer(
                    contents.Networks,
                    contents.Scoring with
                    {
                        Samples = 1,
                    },
                    contents.Encoding
                );
                var scores = new float[contents.Network.ClassCount];
                var features = new float[scorer.FeatureCount];
                scorer.Score(features, scores);
                scorer.Score([0], [1], scores);
                using var stream = new MemoryStream();
                ModelFormat.Write(stream, contents);
            }
        );

    private static Verdict Judge(long size, Action action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Verdict verdict;
        try
        {
            action();
            verdict = new Verdict(Outcome.Accepted, "accepted");
        }
#pragma warning disable CA1031 // Every exception there is, to find those that there must not be.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            verdict = Verdict.Of(exception);
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return allocated <= AllocationAllowance + AllocationsPerByte * size
            ? verdict
            : new Verdict(Outcome.Finding, $"allocated {allocated} bytes for a file of {size}: {verdict.Description}");
    }
}
