using Microsoft.ML.Infomorphic.Tests.Architecture;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Tuners and pruners, and all that they use, know neither the host nor what is tuned.</summary>
[TestClass]
public class RoomsTests
{
    [TestMethod]
    public void Tuners_know_neither_the_host_nor_the_goal()
    {
        var seen = new HashSet<Type>(
            typeof(ITuner)
                .Assembly.GetTypes()
                .Where(t =>
                    t.DeclaringType is null && (t.IsAssignableTo(typeof(ITuner)) || t.IsAssignableTo(typeof(IPruner)))
                )
        );
        Assert.Contains(typeof(TpeTuner), seen);
        Assert.Contains(typeof(MedianPruner), seen);
        var waiting = new Queue<Type>(seen);
        List<string> violations = [];
        while (waiting.TryDequeue(out Type? type))
            foreach (Type use in TypeUses.Of(type))
                if (use.Assembly != typeof(ITuner).Assembly)
                {
                    if (use.Assembly.GetName().Name!.StartsWith("Microsoft.ML", StringComparison.Ordinal))
                        violations.Add($"{type} mentions {use}.");
                }
                else if (seen.Add(use))
                    waiting.Enqueue(use);

        Assert.Contains(typeof(ParzenMixture), seen);
        Assert.IsEmpty(violations, string.Join(Environment.NewLine, violations));
    }
}
